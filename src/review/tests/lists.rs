//! Lists that somebody keeps, and what is done with many cases at once.

use super::*;
use crate::casebook::Recorded;
use crate::mail::Arrival;
use crate::review::queue::PAGE;

impl School {
    fn flagged(&self, number: u8, level: Level) -> Recorded {
        let (concern, place) = (concern(level, Action::Flag), place("ann", number.into()));
        self.shelf.book.record(&New { place: &place, ..self.shelf.plain(number, &concern) }).unwrap()
    }

    fn status(&self, case: &Recorded) -> Status {
        self.review.desk().stand(case.case).unwrap().status
    }
}

fn ticked(cases: &[&Recorded]) -> String {
    cases.iter().flat_map(|case| ["case=", case.codename.as_str(), "&"]).collect()
}

#[tokio::test]
async fn what_is_ticked_is_taken_in_hand_and_what_is_not_is_left() {
    let school = School::new();
    let [one, two, three] = [1, 2, 3].map(|number| school.flagged(number, Level::Day));
    let dsl = school.person(Role::Dsl);
    let page = school.get("/queue?view=new&category=bullying", Some(&dsl)).await.text;
    assert_eq!(page.matches("type=\"checkbox\" id=\"tick-").count(), 3, "{page}");
    let fields = format!("{}view=new&category=bullying&from=0", ticked(&[&one, &two]));
    let told = school.post("/queue/acknowledge", Some(&dsl), &fields).await;
    assert_eq!((told.status, told.headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/queue?view=new&category=bullying"));
    assert_eq!([&one, &two, &three].map(|case| school.status(case)), [Status::Acknowledged, Status::Acknowledged, Status::New]);
    let deeds: Vec<_> = school
        .events()
        .into_iter()
        .filter_map(|event| if let Event::Deed { codename, deed, .. } = event { Some((codename, deed)) } else { None })
        .collect();
    assert_eq!(deeds, [(one.codename.clone(), "acknowledge".to_owned()), (two.codename, "acknowledge".to_owned())], "a line each");
    assert_eq!(school.post("/queue/acknowledge", Some(&dsl), &ticked(&[&one])).await.status, StatusCode::SEE_OTHER);
    assert_eq!(school.review.desk().history(one.case).unwrap().len(), 1, "what is in hand is left alone");
}

#[tokio::test]
async fn level_five_is_never_taken_in_hand_with_others() {
    let school = School::new();
    let (mild, grave) = (school.flagged(1, Level::Day), school.flagged(2, Level::Now));
    let dsl = school.person(Role::Dsl);
    let page = school.get("/queue", Some(&dsl)).await.text;
    assert!(page.contains(&format!("tick-{}", mild.codename)) && !page.contains(&format!("tick-{}", grave.codename)), "{page}");
    let told = school.post("/queue/acknowledge", Some(&dsl), &ticked(&[&mild, &grave])).await;
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("too urgent"), "{}", told.text);
    assert_eq!([school.status(&mild), school.status(&grave)], [Status::New, Status::New], "nor is the other");
}

#[tokio::test]
async fn nobody_takes_in_hand_what_she_does_not_see_nor_more_than_a_page_shows() {
    let school = School::new();
    let hers = school.flagged(1, Level::Day);
    let about = school.case(2, Category::Bullying, &[Audience::Dsl], Action::Flag, &[(address(Role::Dsl), Party::Sender)]);
    let (dsl, officer) = (school.person(Role::Dsl), school.person(Role::DataProtection));
    let nowhere = school.get("/nowhere", Some(&dsl)).await.text;
    for other in [about.as_str(), "amber-heron-99999", "..%2F.."] {
        let told = school.post("/queue/acknowledge", Some(&dsl), &format!("{}case={other}", ticked(&[&hers]))).await;
        assert_eq!((told.status, &told.text), (StatusCode::NOT_FOUND, &nowhere), "{other}");
        assert_eq!(school.status(&hers), Status::New);
    }
    let many = ticked(&vec![&hers; PAGE + 1]);
    assert_eq!(school.post("/queue/acknowledge", Some(&dsl), &many).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(school.post("/queue/acknowledge", Some(&dsl), "").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(school.post("/queue/acknowledge", Some(&officer), &ticked(&[&hers])).await.status, StatusCode::NOT_FOUND);
    assert_eq!(school.status(&hers), Status::New);
    let shown = school.get("/queue", Some(&officer)).await.text;
    assert!(!shown.contains("type=\"checkbox\" id=\"tick-"), "who only reads ticks nothing: {shown}");
}

#[tokio::test]
async fn a_list_is_kept_under_a_name_and_shows_what_its_conditions_say_now() {
    let school = School::new();
    let (dsl, deputy) = (school.person(Role::Dsl), school.person(Role::Deputy));
    let keep = async |fields: &str| school.post("/queue/lists", Some(&dsl), fields).await;
    let told = keep("name=Mornings&view=new&category=bullying&search=Amber+%26+co").await;
    let link = told.headers[LOCATION].to_str().unwrap().to_owned();
    assert_eq!((told.status, link.as_str()), (StatusCode::SEE_OTHER, "/queue?view=new&category=bullying&search=amber+%26+co"));
    let page = school.get("/queue", Some(&dsl)).await.text;
    assert!(page.contains("<a href=\"/queue?view=new&#38;category=bullying&#38;search=amber+%26+co\">Mornings</a>"), "{page}");
    assert!(!school.get("/queue", Some(&deputy)).await.text.contains("Mornings"), "it is hers alone");

    for name in ["", "%20%20", &"x".repeat(41), "hid%E2%80%8Bden", "line%0Abreak"] {
        let told = keep(&format!("name={name}&view=new")).await;
        assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("1 to 40 characters"), "{name}");
    }
    assert_eq!(
        keep("name=%3Cb%3Eodd&view=nonsense&category=%22%3E").await.headers[LOCATION],
        "/queue?view=open",
        "what is unknown is left out"
    );
    let page = school.get("/queue", Some(&dsl)).await.text;
    assert!(page.contains("&#60;b&#62;odd") && !page.contains("<b>odd"), "{page}");
    for number in 2..crate::desk::MOST_KEPT {
        assert_eq!(keep(&format!("name={number}&view=new")).await.status, StatusCode::SEE_OTHER);
    }
    assert!(keep("name=one+more&view=new").await.text.contains("drop one of them first"));
    assert_eq!(school.post("/queue/lists/drop", Some(&dsl), "name=mornings").await.status, StatusCode::SEE_OTHER);
    assert!(!school.get("/queue", Some(&dsl)).await.text.contains("Mornings"));
}

#[tokio::test]
async fn the_cases_of_a_colleague_who_is_away_are_taken_over_together_and_nobody_elses_are() {
    let school = School::new();
    let [one, two, grave, nobodys] =
        [(1, Level::Day), (2, Level::Weekly), (3, Level::Now), (4, Level::Day)].map(|(number, level)| school.flagged(number, level));
    let (dsl, deputy) = (school.person(Role::Dsl), school.person(Role::Deputy));
    let id = |role| school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == role).unwrap().id;
    for case in [&one, &two, &grave] {
        school.post(&format!("/case/{}", case.codename), Some(&deputy), "deed=concern").await;
    }
    let page = school.get("/queue", Some(&dsl)).await.text;
    assert!(page.contains("<option value=\"") && page.contains("deputy safeguarding lead"), "{page}");
    let list = format!("/queue?view=open&owner={}", id(Role::Deputy).0);
    let page = school.get(&list, Some(&dsl)).await.text;
    for (case, shown, ticks) in [(&one, true, true), (&two, true, true), (&grave, true, false), (&nobodys, false, false)] {
        let codename = case.codename.as_str();
        assert_eq!(page.contains(&format!("/case/{codename}\"")), shown, "{codename}");
        assert_eq!(page.contains(&format!("tick-{codename}\"")), ticks, "{codename}");
    }
    assert!(page.contains("I take the ticked ones over from deputy safeguarding lead"), "{page}");
    let fields = format!("{}view=open&owner={}", ticked(&[&one, &two, &nobodys]), id(Role::Deputy).0);
    assert_eq!(school.post("/queue/acknowledge", Some(&dsl), &fields).await.headers[LOCATION].to_str().unwrap(), list);
    let owner = |case: &Recorded| school.review.desk().stand(case.case).unwrap().owner;
    assert_eq!([&one, &two, &grave, &nobodys].map(owner), [Some(id(Role::Dsl)), Some(id(Role::Dsl)), Some(id(Role::Deputy)), None]);
    assert_eq!(school.status(&one), Status::InHand, "it is as far as it was");
}

#[tokio::test]
async fn a_message_is_as_old_as_its_first_arrival_and_where_no_server_tells_that_as_its_finding() {
    let now = Timestamp::now();
    let hours_ago = |hours: i64| now - jiff::SignedDuration::from_hours(hours);
    let second = |hours: i64| hours_ago(hours).as_second();
    for (dates, told) in [
        ([second(80), second(6)], "Arrived 3 days ago"),
        ([second(6), second(80)], "Arrived 3 days ago"),
        ([0, 0], "Found 5 hours ago"),
        ([0, second(80)], "Arrived 3 days ago"),
        // Its clock is ahead.
        ([second(-80), second(-80)], "Arrived 5 hours ago"),
    ] {
        let school = School::new();
        let concern = concern(Level::Day, Action::Flag);
        for (uid, internal_date) in (1..).zip(dates) {
            let (place, arrival) = (place("ann", uid), Arrival { internal_date, ..school.shelf.arrival.clone() });
            let plain = school.shelf.plain(1, &concern);
            school.shelf.book.record(&New { place: &place, arrival: &arrival, found_at: hours_ago(5), ..plain }).unwrap();
        }
        let page = school.get("/queue", Some(&school.person(Role::Dsl))).await.text;
        assert_eq!(page.matches("class=\"age\"").count(), 1, "copies fold: {page}");
        assert!(page.contains(&format!("<span class=\"age\">{told}</span>")), "{dates:?}, {told}: {page}");
    }
}
