//! The servers that other tests rely on do what is relied upon.

mod support;

use lettre::{Message, SmtpTransport, Transport};
use support::dovecot::Dovecot;
use support::smtp::Smtp;

const TO: &str = "lead@school.example";

fn notice() -> Message {
    let message = Message::builder().from("mailwarden@school.example".parse().expect("an address")).to(TO.parse().expect("an address"));
    message.subject("amber heron").body("One message was held.\r\n".to_owned()).expect("a message")
}

#[test]
fn the_smtp_server_keeps_what_it_accepts() {
    let smtp = Smtp::start();
    assert!(smtp.messages().is_empty());
    let transport = SmtpTransport::builder_dangerous("127.0.0.1").port(smtp.port).build();
    transport.send(&notice()).expect("a server that accepts");
    let messages = smtp.messages();
    assert_eq!(messages.len(), 1);
    let text = String::from_utf8_lossy(&messages[0]);
    assert!(text.contains("Subject: amber heron") && text.contains(&format!("X-RcptTo: {TO}")), "{text}");
}

#[test]
fn dovecot_takes_what_a_delivery_agent_brings() {
    let dovecot = Dovecot::start();
    dovecot.deliver(TO, &b"Subject: by hand\r\n\r\none\r\n"[..]);
    dovecot.deliver(TO, &b"Subject: by hand\r\n\r\ntwo\r\n"[..]);
    assert_eq!(dovecot.files(TO).len(), 2);
    assert!(std::net::TcpStream::connect(("127.0.0.1", dovecot.lmtp)).is_ok(), "{}", dovecot.log());
}
