//! What is typed into a form or an address: it becomes no header, leads nowhere else, and names nothing that is another's.

use super::*;
use crate::desk::AccountId;
use crate::review::password;

/// Words that would be a header, or a way to another place, or a file.
const HOSTILE: [&str; 12] = [
    "amber-heron-7%0d%0aSet-Cookie:+x=y",
    "amber-heron-7%0aSet-Cookie:+x=y",
    "%0d%0a%0d%0a%3Cscript%3E",
    "amber-heron-7%00",
    "%2f%2fevil.example",
    "%2f..%2f..%2fsign-out",
    "%5c%5cevil.example",
    "https:%2f%2fevil.example",
    "..%2f..%2fdesk%2fown-key.pem",
    "%252e%252e%252fdesk%252fown-key.pem",
    "%2fetc%2fpasswd",
    "%ff%fe",
];
const CANARY: &str = "CANARY";

/// Where an answer leads, if it leads anywhere; nothing but what the desk writes itself is in its head.
fn to(told: &Told, what: &str) -> Option<String> {
    for (name, value) in &told.headers {
        let value = value.to_str().unwrap();
        assert!(!value.contains("x=y") && !value.contains("evil") || name == LOCATION, "{what}: {name}: {value}");
    }
    assert!(!told.text.contains(CANARY) && !told.text.contains("root:"), "{what}: {}", told.text);
    told.headers.get(LOCATION).map(|to| to.to_str().unwrap().to_owned())
}

impl School {
    fn plant(&self) {
        fs::write(self.shelf.folder.path().join("desk/own-key.pem"), CANARY).unwrap();
    }

    fn account(&self, role: Role) -> AccountId {
        self.review.desk().accounts().unwrap().into_iter().find(|account| account.role == role).unwrap().id
    }

    /// A person of the role, whose password is known.
    fn with_password(&self, role: Role) -> String {
        let tables = rusqlite::Connection::open(self.shelf.folder.path().join("desk/desk.db")).unwrap();
        let hash = password::hash("correct horse battery").unwrap();
        tables.execute("UPDATE account SET password = ? WHERE name = ?", [hash.as_str(), role.title()]).unwrap();
        format!("name={}&password=correct+horse+battery", role.title().replace(' ', "+"))
    }
}

#[tokio::test]
async fn whoever_signs_in_is_led_to_a_page_of_the_desk_whatever_case_her_form_names() {
    let school = School::new();
    let fields = school.with_password(Role::Dsl);
    for case in HOSTILE {
        let told = school.post("/sign-in", None, &format!("{fields}&code={}&case={case}", school.code(Role::Dsl))).await;
        assert_eq!((told.status, to(&told, case).as_deref()), (StatusCode::SEE_OTHER, Some("/")), "{case}");
        assert_eq!(told.headers.get_all(SET_COOKIE).iter().count(), 2, "{case}");
    }
    // Who does not get in is shown her form again, with the case in it. Three misses cost nobody a wait.
    let school = School::new();
    for case in &HOSTILE[..3] {
        let told = school.post("/sign-in", None, &format!("name=nobody&password=guess&code=000000&case={case}")).await;
        assert!(told.status == StatusCode::OK && to(&told, case).is_none() && !told.headers.contains_key(SET_COOKIE), "{case}");
        assert!(told.text.contains("That did not work") && !told.text.contains("<script>"), "{case}: {}", told.text);
    }
}

#[tokio::test]
async fn a_session_that_was_there_before_signing_in_ends_and_is_never_carried_over() {
    let school = School::new();
    let fields = school.with_password(Role::Dsl);
    let signs_in = async |with: &Person| {
        let fields = format!("{fields}&code={}", school.code(Role::Dsl));
        let told = school.ask(asked(Method::POST, "/sign-in", Some(with), fields)).await;
        assert_eq!(told.status, StatusCode::SEE_OTHER);
        let cookie = told.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        Person { cookie, form: String::new() }
    };
    let status = async |person: &Person| school.get("/queue", Some(person)).await.status;
    // One that somebody else has planted in her browser, and one of her own.
    let planted = Person { cookie: format!("__Host-mw={}", "a".repeat(64)), form: String::new() };
    let first = signs_in(&planted).await;
    assert!(first.cookie != planted.cookie && status(&planted).await == StatusCode::SEE_OTHER);
    assert_eq!(status(&first).await, StatusCode::OK);
    let second = signs_in(&first).await;
    assert!(second.cookie != first.cookie && status(&second).await == StatusCode::OK);
    assert_eq!(status(&first).await, StatusCode::SEE_OTHER, "whoever has the old one has nothing");
}

#[tokio::test]
async fn the_address_of_a_list_holds_what_was_typed_as_words_alone() {
    let school = School::new();
    let dsl = school.person(Role::Dsl);
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    school.post(&format!("/case/{codename}"), Some(&dsl), "deed=acknowledge").await;
    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("casebook.db")).unwrap();
    tables.execute("UPDATE cases SET level = 3", []).unwrap();
    for (number, typed) in HOSTILE.into_iter().enumerate() {
        let fields = format!("view={typed}&category={typed}&owner={typed}&from={typed}&search={typed}");
        let kept = school.post("/queue/lists", Some(&dsl), &format!("name=list+{}&{fields}", number % 3)).await;
        let ticked = school.post("/queue/acknowledge", Some(&dsl), &format!("case={codename}&{fields}")).await;
        for told in [kept, ticked] {
            let to = to(&told, typed).unwrap_or_else(|| panic!("{typed}: {} {}", told.status, told.text));
            let words: String = form_urlencoded::parse(to.strip_prefix("/queue?").unwrap().as_bytes())
                .map(|(name, value)| match &*name {
                    "view" => String::new(),
                    "search" => value.into_owned(),
                    other => panic!("{typed}: {other} in {to}"),
                })
                .collect();
            let meant = form_urlencoded::parse(format!("search={typed}").as_bytes()).next().unwrap().1.trim().to_lowercase();
            assert_eq!(words, meant, "{to}");
            assert!(!told.headers.contains_key(SET_COOKIE), "{typed}");
        }
        let named = school.post("/queue/lists", Some(&dsl), &format!("name={typed}&view=new")).await;
        assert!(matches!(to(&named, typed).as_deref(), None | Some("/queue?view=new")), "{typed}");
        assert!(!school.get("/queue", Some(&dsl)).await.text.contains("<script>"), "{typed}");
    }
}

#[tokio::test]
async fn no_name_in_an_address_of_any_route_leads_to_a_file_or_becomes_a_header() {
    let school = School::new();
    school.plant();
    let dsl = school.person(Role::Dsl);
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        let (before, rest) = route.path.split_once('{').unwrap();
        let after = rest.rsplit_once('}').unwrap().1;
        for typed in HOSTILE {
            let names = if rest.contains("}/{") { format!("{typed}/{typed}") } else { typed.to_owned() };
            let page = format!("{before}{names}{after}");
            for who in [Some(&dsl), None] {
                let told = match route.method {
                    Method::GET => school.get(&page, who).await,
                    _ => school.post(&page, who, FIELDS).await,
                };
                let sent = to(&told, &page);
                if who.is_none() && matches!(route.who, Who::Roles(_)) && told.status == StatusCode::SEE_OTHER {
                    assert_eq!(sent.as_deref(), Some("/sign-in"), "{page}");
                } else {
                    assert!(matches!(told.status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{page}: {}", told.status);
                }
                assert!(!told.headers.contains_key(SET_COOKIE), "{page}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[tokio::test]
async fn a_form_that_names_what_is_anothers_changes_nothing() {
    let school = School::new();
    let (dsl, deputy) = (school.person(Role::Dsl), school.person(Role::Deputy));

    // Lists go by their names, and everybody has her own.
    for (who, view) in [(&dsl, "new"), (&deputy, "closed")] {
        assert_eq!(school.post("/queue/lists", Some(who), &format!("name=Mornings&view={view}")).await.status, StatusCode::SEE_OTHER);
    }
    school.post("/queue/lists/drop", Some(&deputy), "name=Mornings").await;
    assert!(school.get("/queue", Some(&dsl)).await.text.contains(">Mornings</a>"), "hers is still there");
    assert!(!school.get("/queue", Some(&deputy)).await.text.contains(">Mornings</a>"));

    // A case is given to nobody who is not there.
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let technician = school.account(Role::Technician).0.to_string();
    for id in [technician.as_str(), "0", "-1", "99999", "9223372036854775808", "1+OR+1=1", ""] {
        let told = school.post(&format!("/case/{codename}"), Some(&dsl), &format!("deed=assign&to={id}")).await;
        assert!(told.status.is_client_error(), "{id}: {}", told.status);
        let (confirms, code) = (school.person(Role::Head), school.code(Role::Head));
        let told = school.post("/keys/confirm", Some(&confirms), &format!("account={id}&recipient=age1x&code={code}")).await;
        assert!(told.status.is_client_error(), "{id}: {}", told.status);
    }
    assert_eq!(school.review.desk().stand(crate::case::CaseId(1)).unwrap().owner, None);

    // The message of another case is not put back with hers, though she sees both.
    let out = |number: u8| {
        let codename = school.case(number, Category::Violence, &[Audience::Dsl], Action::Hold, &[]);
        let facts = school.shelf.book.case(&codename).unwrap().unwrap();
        let copy = &facts.places[0];
        school.shelf.book.settle(Timestamp::now(), &Actor::Program, copy.id, crate::case::PlaceState::Removed).unwrap();
        (codename, copy.object.unwrap().object, facts.row.id)
    };
    let ((one, own, id), (_, others, other_id)) = (out(2), out(3));
    let releases = async |objects: &[crate::vault::ObjectId]| {
        let keys = objects.iter().map(|object| format!("&key={object}:{}", "07".repeat(16))).collect::<Vec<_>>().concat();
        let fields = format!("words=a+lesson+on+biology&code={}{keys}", school.code(Role::Dsl));
        school.post(&format!("/case/{one}/release"), Some(&dsl), &fields).await.status
    };
    for objects in [&[others][..], &[own, others], &[others, own]] {
        assert_eq!(releases(objects).await, StatusCode::BAD_REQUEST, "{objects:?}");
    }
    assert!([id, other_id].iter().all(|case| school.review.desk().history(*case).unwrap().is_empty()), "nothing was decided");
    assert_eq!(releases(&[own]).await, StatusCode::OK, "and with her own it is");
    assert!(school.review.desk().history(other_id).unwrap().is_empty());
}
