//! Which other cases the page of a case names, and of which it tells nothing.

use super::*;

#[tokio::test]
async fn a_conversation_is_told_by_codename_level_and_date_and_what_is_hidden_of_it_nowhere() {
    let school = School::new();
    let (shelf, concern) = (&school.shelf, concern(Level::Day, Action::Flag));
    let id = |number| shelf.book.key_message_id(&[number; 32]);
    let case = |number: u8, ids: &[u8], audience, sender: Address| {
        let (place, ids) = (place("zoe", number.into()), ids.iter().map(|number| id(*number)).collect::<Vec<_>>());
        let parties = [(shelf.book.key_address(&sender), Party::Sender)];
        let plain = shelf.plain(number, &concern);
        shelf.book.record(&New { place: &place, thread: &ids, parties: &parties, audiences: &[audience], ..plain }).unwrap().codename
    };
    let other = |local: &str| crate::casebook::desk::address(local);
    let asked = case(1, &[1], Audience::Dsl, other("ben"));
    let answered = case(2, &[2, 1], Audience::Dsl, other("cal"));
    let elsewhere = case(3, &[3], Audience::Dsl, other("dan"));
    let by_her = case(4, &[4, 1], Audience::Dsl, address(Role::Dsl));
    let for_the_head = case(5, &[5, 1], Audience::Head, other("eve"));
    let (page, dsl) = (format!("/case/{asked}"), school.person(Role::Dsl));
    let told = school.get(&page, Some(&dsl)).await.text;
    let context = |page: &str| page.split("id=\"context\"").nth(1).unwrap().split("</section>").next().unwrap().to_owned();
    let link = |codename: &Codename| format!("<li><a href=\"/case/{codename}\">{codename}</a>, Next day, found Thu 1 Jan 1970, 02:16</li>");
    assert!(context(&told).contains(&format!("by the ids of its messages:</p>\n<ul>{}</ul>", link(&answered))), "{}", context(&told));
    for hidden in [&elsewhere, &by_her, &for_the_head] {
        assert!(!told.contains(hidden.as_str()), "{hidden}");
    }
    let to_the_deputy = school.get(&page, Some(&school.person(Role::Deputy))).await.text;
    assert!(context(&to_the_deputy).contains(&format!("<ul>{}{}</ul>", link(&by_her), link(&answered))), "hers alone was hidden");

    // Where everything is hidden, the page is that of a case without any other.
    let (alone, among_hidden) = (case(6, &[6], Audience::Dsl, other("fay")), case(7, &[7, 8], Audience::Dsl, other("gus")));
    case(8, &[8], Audience::Head, other("hal"));
    let told = async |codename| context(&school.get(&format!("/case/{codename}"), Some(&dsl)).await.text);
    assert_eq!(told(alone).await, told(among_hidden).await);
}
