//! A private `slapd`: own folder, own ports, own authority for TLS, and a made-up school in it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{fs, io};

use ldap3::{Ldap, LdapConnAsync};
use tempfile::TempDir;

use super::dovecot::certify;
use super::{await_port, end, free_port, hand_over, readable, require, unprivileged};

pub const PASSWORD: &str = "correct-horse";
pub const READER: &str = "cn=mailwarden,dc=school,dc=example";
/// It is shown no more than 500 entries, whether page by page or not.
pub const WITHOUT_PAGES: &str = "cn=without-pages,dc=school,dc=example";
const ADMIN: &str = "cn=admin,dc=school,dc=example";
const PACKAGE: &str = "slapd";

pub struct Slapd {
    folder: TempDir,
    server: Child,
    /// Plain text, and TLS for whoever asks for it.
    pub ldap: u16,
    pub ldaps: u16,
}

impl Slapd {
    /// With two accounts and empty branches `ou=Pupils`, `ou=Staff` and `ou=Groups` below `dc=school,dc=example`.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`Slapd::start`], with so many pupils in each of these years: `p1@school.example` and so on.
    pub fn start_with(years: &[(&str, usize)]) -> Self {
        (0..3).find_map(|_| Self::try_start(years).expect("a folder for OpenLDAP")).expect("OpenLDAP starts")
    }

    fn try_start(years: &[(&str, usize)]) -> io::Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("slapd").tempdir()?;
        readable(folder.path())?;
        for name in ["db", "tls"] {
            fs::create_dir(folder.path().join(name))?;
        }
        certify(&folder.path().join("tls"))?;
        let settings = include_str!("slapd.conf").replace("@ROOT@", &folder.path().to_string_lossy()).replace("@PASSWORD@", PASSWORD);
        fs::write(folder.path().join("slapd.conf"), settings)?;
        fs::write(folder.path().join("school.ldif"), school(years))?;
        hand_over(folder.path())?;
        let conf = folder.path().join("slapd.conf");
        let mut fill = Command::new(require("slapadd", PACKAGE));
        fill.arg("-q").arg("-f").arg(&conf).arg("-l").arg(folder.path().join("school.ldif"));
        let filled = unprivileged(&mut fill).output()?;
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
        let (ldap, ldaps) = (free_port(), free_port());
        let mut server = serve(&conf, ldap, ldaps)?;
        if await_port(ldap, &mut server) {
            return Ok(Some(Self { folder, server, ldap, ldaps }));
        }
        end(&mut server);
        Ok(None)
    }

    /// Ends it; what it knows stays.
    pub fn stop(&mut self) {
        end(&mut self.server);
    }

    /// Starts it again, on the same ports.
    pub fn restart(&mut self) {
        self.server = serve(&self.folder.path().join("slapd.conf"), self.ldap, self.ldaps).expect("OpenLDAP");
        assert!(await_port(self.ldap, &mut self.server), "OpenLDAP starts again");
    }

    /// The certificate of the authority that vouches for `localhost`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    /// Adds `NAME@school.example` to the staff.
    pub fn add_staff(&self, name: &str) {
        self.administer(async |admin| {
            let (dn, mail) = (staff(name), format!("{name}@school.example"));
            let attributes = [("objectClass", "inetOrgPerson"), ("cn", name), ("sn", name), ("mail", &mail)];
            let attributes = attributes.map(|(kind, value)| (kind, [value].into())).to_vec();
            admin.add(&dn, attributes).await.expect("an answer").success().expect("a new entry");
        });
    }

    pub fn remove_staff(&self, names: &[&str]) {
        self.administer(async |admin| {
            for name in names {
                admin.delete(&staff(name)).await.expect("an answer").success().expect("an entry less");
            }
        });
    }

    /// Makes a group of some of the staff, which its members know of (`memberOf`).
    pub fn make_group(&self, group: &str, names: &[&str]) {
        self.administer(async |admin| {
            let members: Vec<String> = names.iter().map(|name| staff(name)).collect();
            let members = members.iter().map(String::as_str).collect();
            let attributes = vec![("objectClass", ["groupOfNames"].into()), ("cn", [group].into()), ("member", members)];
            let dn = format!("cn={group},ou=Groups,dc=school,dc=example");
            admin.add(&dn, attributes).await.expect("an answer").success().expect("a new group");
        });
    }

    fn administer(&self, act: impl AsyncFnOnce(&mut Ldap)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (connection, mut admin) = LdapConnAsync::new(&format!("ldap://127.0.0.1:{}", self.ldap)).await.expect("a connection");
            let driving = tokio::spawn(async move { connection.drive().await });
            admin.simple_bind(ADMIN, PASSWORD).await.expect("an answer").success().expect("a sign-in");
            act(&mut admin).await;
            let _ = admin.unbind().await;
            driving.abort();
        });
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(conf: &std::path::Path, ldap: u16, ldaps: u16) -> io::Result<Child> {
    let mut command = Command::new(require("slapd", PACKAGE));
    command.arg("-f").arg(conf).arg("-h").arg(format!("ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps}"));
    // Not `-d 0`, which would send it to the background.
    command.args(["-d", "none"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    unprivileged(&mut command).spawn()
}

fn staff(name: &str) -> String {
    format!("cn={name},ou=Staff,dc=school,dc=example")
}

/// As `slapadd` reads it.
fn school(years: &[(&str, usize)]) -> String {
    let mut ldif = String::from("dn: dc=school,dc=example\nobjectClass: dcObject\nobjectClass: organization\no: school\ndc: school\n\n");
    for branch in ["Pupils", "Staff", "Groups"] {
        let _ = write!(ldif, "dn: ou={branch},dc=school,dc=example\nobjectClass: organizationalUnit\nou: {branch}\n\n");
    }
    for account in [READER, WITHOUT_PAGES] {
        let name = account.split(['=', ',']).nth(1).unwrap_or_default();
        let _ = write!(
            ldif,
            "dn: {account}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: {name}\nuserPassword: {PASSWORD}\n\n"
        );
    }
    let pupils = years.iter().flat_map(|(year, count)| std::iter::repeat_n(*year, *count));
    for (number, year) in (1..).zip(pupils) {
        let _ = write!(
            ldif,
            "dn: cn=p{number},ou=Pupils,dc=school,dc=example\nobjectClass: inetOrgPerson\ncn: p{number}\nsn: p\nuid: u{number}\n\
             mail: p{number}@school.example\ndepartmentNumber: {year}\n\n"
        );
    }
    ldif
}
