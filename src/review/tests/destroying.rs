//! Destroying what is sealed: who may, when, after which confirmation, and that nobody alone destroys what takes two.

use super::*;
use crate::case::{CaseId, NotBack, PlaceState};
use crate::casebook::{Destruction, Recorded};
use crate::desk::Deeds;

const AGENCIES: &str = "words=the+police+confirmed+it+on+Monday";

impl School {
    /// A case of this level with a sheet, a text and a sealed message, which is out of its mailbox.
    fn sealed_case(&self, number: u8, level: Level, action: Action) -> Recorded {
        let (concern, place) = (concern(level, action), place("ann", number.into()));
        let [sheet, text, object] = [(); 3].map(|()| self.shelf.sealed());
        let message_object = (action >= Action::Hold).then_some(&object);
        let plain = self.shelf.plain(number, &concern);
        let recorded =
            self.shelf.book.record(&New { place: &place, sheet: Some(&sheet), text: Some(&text), message_object, ..plain }).unwrap();
        if action >= Action::Hold {
            self.settle(&recorded, PlaceState::Removed);
        }
        recorded
    }

    fn settle(&self, recorded: &Recorded, state: PlaceState) {
        self.shelf.book.settle(Timestamp::now(), &Actor::Program, recorded.place, state).unwrap();
    }

    async fn closes(&self, who: &Person, case: &Recorded) {
        let told = self.post(&format!("/case/{}", case.codename), Some(who), "deed=close&words=all+is+done+here").await;
        assert_eq!(told.status, StatusCode::SEE_OTHER, "{}", told.text);
    }

    /// Asks, agrees or keeps, with a code that fits.
    async fn decides(&self, role: Role, case: &Recorded, deed: &str) -> Told {
        let fields = format!("deed={deed}&{AGENCIES}&confirmed=yes&code={}", self.code(role));
        self.post(&format!("/case/{}/destroy", case.codename), Some(&self.person(role)), &fields).await
    }

    fn deeds(&self, case: &Recorded) -> Vec<Deed> {
        self.review.desk().history(case.case).unwrap().into_iter().map(|row| row.deed).collect()
    }
}

fn because(told: &Told, why: &str) {
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains(why), "{} {}", told.status, told.text);
}

#[tokio::test]
async fn one_person_destroys_what_is_closed_when_she_confirms_that_no_agency_needs_it_and_shows_a_fresh_code() {
    let school = School::new();
    let case = school.sealed_case(1, Level::Day, Action::Hold);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{}/destroy", case.codename));
    let open = school.get(&format!("/case/{}", case.codename), Some(&dsl)).await.text;
    assert!(!open.contains("Destroy what is sealed"), "{open}");
    because(&school.decides(Role::Dsl, &case, "destroy").await, "of a case that is open");
    school.closes(&dsl, &case).await;
    let shown = school.get(&format!("/case/{}", case.codename), Some(&dsl)).await.text;
    assert!(shown.contains("Destroy it") && shown.contains("cannot be undone") && !shown.contains("takes two"), "{shown}");

    let with = async |fields: String| school.post(&page, Some(&dsl), &fields).await;
    because(&with(format!("deed=destroy&{AGENCIES}&code={}", school.code(Role::Dsl))).await, "confirm first");
    because(&with(format!("deed=destroy&words=police&confirmed=yes&code={}", school.code(Role::Dsl))).await, "ten characters");
    because(&with(format!("deed=destroy&{AGENCIES}&confirmed=yes&code=000000")).await, "That code is not the one of now");
    because(&with(format!("deed=destroy&{AGENCIES}&confirmed=yes")).await, "That code is not the one of now");
    because(&school.decides(Role::Dsl, &case, "ask-destroy").await, "changed this case");
    assert_eq!(school.decides(Role::Dsl, &case, "note").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(school.deeds(&case), [Deed::Close], "nothing is decided yet");
    let missed = school.events().into_iter().filter(|event| matches!(event, Event::SignInRefused { why, .. } if why == "second factor"));
    assert_eq!(missed.count(), 2);

    let code = school.code(Role::Dsl);
    let told = with(format!("deed=destroy&{AGENCIES}&confirmed=yes&code={code}")).await;
    assert_eq!(
        (told.status, told.headers[LOCATION].to_str().unwrap()),
        (StatusCode::SEE_OTHER, format!("/case/{}", case.codename).as_str())
    );
    assert_eq!(school.deeds(&case), [Deed::Close, Deed::Destroy]);
    because(&with(format!("deed=destroy&{AGENCIES}&confirmed=yes&code={code}")).await, "It is being destroyed");
    let deeds = Deeds::open(&school.shelf.folder.path().join("desk")).unwrap().unwrap().since(1).unwrap();
    assert_eq!((deeds[0].deed, deeds[0].by.as_str(), deeds[0].to.as_deref()), (Deed::Destroy, Role::Dsl.title(), None));
    let told = school.get(&format!("/case/{}", case.codename), Some(&dsl)).await.text;
    assert!(
        told.contains("It is being destroyed") && told.contains("had what is sealed destroyed") && !told.contains("Open what is sealed"),
        "{told}"
    );
    for depth in ["sheet", "headers", "release"] {
        let told = school.post(&format!("/case/{}/{depth}", case.codename), Some(&dsl), "depth=excerpt&words=a+lesson+on+it").await;
        because(&told, "What was sealed is destroyed");
    }
}

#[tokio::test]
async fn a_code_that_she_has_signed_in_with_does_not_count_again() {
    let school = School::new();
    let case = school.sealed_case(1, Level::Day, Action::Hold);
    let dsl = school.person(Role::Dsl);
    school.closes(&dsl, &case).await;
    let code = school.code(Role::Dsl);
    let (account, credentials) = school.review.desk().credentials(Role::Dsl.title()).unwrap().unwrap();
    let step = totp::step_of(&credentials.totp, &code, Timestamp::now()).unwrap();
    assert!(school.review.desk().signed_in(Timestamp::now(), &account, &crate::desk::Factor::Code(step)).unwrap());
    let fields = format!("deed=destroy&{AGENCIES}&confirmed=yes&code={code}");
    because(&school.post(&format!("/case/{}/destroy", case.codename), Some(&dsl), &fields).await, "used already");
    assert_eq!(school.deeds(&case), [Deed::Close]);
}

#[tokio::test]
async fn what_is_withheld_or_of_level_five_is_destroyed_by_two_people_and_either_may_keep_it() {
    for (level, action) in [(Level::Day, Action::Withhold), (Level::Now, Action::Hold), (Level::Now, Action::Flag)] {
        let school = School::new();
        let case = school.sealed_case(1, level, action);
        let (dsl, page) = (school.person(Role::Dsl), format!("/case/{}", case.codename));
        school.closes(&dsl, &case).await;
        because(&school.decides(Role::Dsl, &case, "destroy").await, "takes two people");
        assert_eq!(school.decides(Role::Dsl, &case, "ask-destroy").await.status, StatusCode::SEE_OTHER);
        because(&school.decides(Role::Dsl, &case, "destroy").await, "takes two people");
        let deputy = school.person(Role::Deputy);
        let list = school.get("/queue?view=asked", Some(&deputy)).await.text;
        assert!(list.contains(case.codename.as_str()) && list.contains("To be destroyed <span class=\"count\">1</span>"), "{list}");
        let shown = school.get(&page, Some(&deputy)).await.text;
        assert!(shown.contains("Agree: destroy it") && shown.contains("<strong>safeguarding lead</strong> has asked for it"), "{shown}");

        assert_eq!(school.decides(Role::Deputy, &case, "keep").await.status, StatusCode::SEE_OTHER);
        assert!(!school.get("/queue?view=asked", Some(&deputy)).await.text.contains(case.codename.as_str()));
        because(&school.decides(Role::Deputy, &case, "destroy").await, "takes two people");
        assert_eq!(school.decides(Role::Dsl, &case, "ask-destroy").await.status, StatusCode::SEE_OTHER);
        assert!(school.get(&page, Some(&dsl)).await.text.contains("Keep it after all"));
        let unsure = format!("deed=destroy&{AGENCIES}&code={}", school.code(Role::Deputy));
        because(&school.post(&format!("{page}/destroy"), Some(&deputy), &unsure).await, "confirm first");
        assert_eq!(school.decides(Role::Deputy, &case, "destroy").await.status, StatusCode::SEE_OTHER);
        assert_eq!(school.deeds(&case), [Deed::Close, Deed::AskDestroy, Deed::Keep, Deed::AskDestroy, Deed::Destroy], "{level} {action}");
        let last = school.review.desk().history(case.case).unwrap().pop().unwrap();
        assert_eq!((last.by.as_str(), last.to.as_deref()), (Role::Deputy.title(), Some(Role::Dsl.title())));
        let told = school.get(&page, Some(&dsl)).await.text;
        assert!(told.contains("had what is sealed destroyed, as safeguarding lead had asked"), "{told}");
    }
}

#[tokio::test]
async fn nobody_agrees_with_somebody_who_has_left_or_has_become_a_party() {
    for has_left in [true, false] {
        let school = School::new();
        let case = school.sealed_case(1, Level::Now, Action::Hold);
        let (dsl, deputy) = (school.person(Role::Dsl), school.person(Role::Deputy));
        school.closes(&dsl, &case).await;
        assert_eq!(school.decides(Role::Dsl, &case, "ask-destroy").await.status, StatusCode::SEE_OTHER);
        if has_left {
            school.review.desk().close(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
        } else {
            let tables = rusqlite::Connection::open(school.shelf.folder.path().join("casebook.db")).unwrap();
            let key = school.shelf.book.key_address(&address(Role::Dsl));
            tables
                .execute("INSERT INTO party (address, of_case, part) VALUES (?, ?, 'sender')", rusqlite::params![key, case.case.0])
                .unwrap();
        }
        because(&school.decides(Role::Deputy, &case, "destroy").await, "Please ask anew");
        assert_eq!(school.deeds(&case), [Deed::Close, Deed::AskDestroy], "nothing is decided: {has_left}");
        let shown = school.get(&format!("/case/{}", case.codename), Some(&deputy)).await.text;
        assert!(shown.contains("Please ask anew") && !shown.contains("Agree: destroy it"), "{shown}");
        assert_eq!(school.decides(Role::Deputy, &case, "ask-destroy").await.status, StatusCode::SEE_OTHER);
        because(&school.decides(Role::Deputy, &case, "destroy").await, "takes two people");
    }
}

#[tokio::test]
async fn nothing_is_destroyed_while_a_copy_is_on_its_way_out_or_back() {
    let school = School::new();
    let case = school.sealed_case(1, Level::Day, Action::Hold);
    let dsl = school.person(Role::Dsl);
    school.settle(&case, PlaceState::Sealed);
    school.closes(&dsl, &case).await;
    because(&school.decides(Role::Dsl, &case, "destroy").await, "on its way out of its mailbox");
    school.settle(&case, PlaceState::Removed);

    let object = school.shelf.book.case(&case.codename).unwrap().unwrap().places[0].object.unwrap().object;
    let release = format!("words=a+lesson+on+biology&code={}&key={object}:{}", school.code(Role::Dsl), "07".repeat(16));
    assert_eq!(school.post(&format!("/case/{}/release", case.codename), Some(&dsl), &release).await.status, StatusCode::OK);
    because(&school.decides(Role::Dsl, &case, "destroy").await, "is being put back");
    // The service has taken the decision over, and one mailbox is out of reach.
    school.shelf.book.desk_progressed(2).unwrap();
    school.shelf.book.release(Timestamp::now(), &Actor::Program, case.case, "a lesson").unwrap();
    because(&school.decides(Role::Dsl, &case, "destroy").await, "is being put back");
    school.settle(&case, PlaceState::Released);
    assert_eq!(school.decides(Role::Dsl, &case, "destroy").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_case_whose_message_cannot_be_put_back_opens_again_says_why_and_is_released_anew_or_closed_and_destroyed() {
    let school = School::new();
    let case = school.sealed_case(1, Level::Day, Action::Hold);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{}", case.codename));
    let object = school.shelf.book.case(&case.codename).unwrap().unwrap().places[0].object.unwrap().object;
    let releases = async |deed: i64, why: NotBack| {
        let release = format!("words=a+lesson+on+biology&code={}&key={object}:{}", school.code(Role::Dsl), "07".repeat(16));
        assert_eq!(school.post(&format!("{page}/release"), Some(&dsl), &release).await.status, StatusCode::OK);
        let pending = school.get(&page, Some(&dsl)).await.text;
        assert!(pending.contains("<dd>closed") && !pending.contains("Not put back"), "it is on its way: {pending}");
        let who = Actor::Account(Role::Dsl.title().to_owned());
        school.shelf.book.release(Timestamp::now(), &who, case.case, "a lesson").unwrap();
        school.shelf.book.begin_release(case.case, deed).unwrap();
        school.shelf.book.not_put_back(Timestamp::now(), case.place, why).unwrap();
        school.shelf.book.desk_progressed(deed).unwrap();
    };
    for (deed, why) in [(1, NotBack::KeyWrong), (2, NotBack::Damaged)] {
        releases(deed, why).await;
        let told = school.get(&page, Some(&dsl)).await.text;
        for word in ["<dd>in hand", "Not put back", &why.to_string(), why.remedy(), "Release the message", "The case is open again"] {
            assert!(told.contains(word), "{word} in {told}");
        }
        let queue = school.get("/queue", Some(&dsl)).await.text;
        assert!(queue.contains(case.codename.as_str()) && queue.contains("not put back"), "{queue}");
        because(&school.decides(Role::Dsl, &case, "destroy").await, "of a case that is open");
    }
    school.closes(&dsl, &case).await;
    assert!(!school.get("/queue", Some(&dsl)).await.text.contains(case.codename.as_str()), "she has closed it");
    let told = school.get(&page, Some(&dsl)).await.text;
    assert!(told.contains("Not put back") && told.contains("nobody can put it back any more"), "{told}");
    assert_eq!(school.decides(Role::Dsl, &case, "destroy").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn when_it_is_gone_the_case_says_so_and_offers_nothing_that_it_cannot_do() {
    let school = School::new();
    let case = school.sealed_case(1, Level::Day, Action::Hold);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{}", case.codename));
    school.closes(&dsl, &case).await;
    let who = Actor::Account("Kim Linnet".to_owned());
    let decided = Destruction { case: case.case, who: &who, second: None, reason: "the police confirmed it" };
    school.shelf.book.destroy(Timestamp::now(), &decided).unwrap();
    school.shelf.book.emptied(Timestamp::now(), case.case).unwrap();
    let told = school.get(&page, Some(&dsl)).await.text;
    assert!(told.contains("by Kim Linnet: what was sealed is gone") && told.contains("taken out, and destroyed"), "{told}");
    for gone in ["Destroy what is sealed", "Open what is sealed", "Release the message"] {
        assert!(!told.contains(gone), "{gone} in {told}");
    }
    because(&school.decides(Role::Dsl, &case, "destroy").await, "Nothing of it is sealed");
    assert!(told.contains("Why it matched") && told.contains("Open it again"), "the facts stay: {told}");
    assert_eq!(school.review.desk().history(CaseId(1)).unwrap().len(), 1);
}
