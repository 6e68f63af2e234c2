//! The door: picks the role of this process.

fn main() {
    if std::env::args_os().nth(1).is_some_and(|role| role == mailwarden::wire::NURSERY_ROLE) {
        mailwarden::scan::nursery::run()
    }
}
