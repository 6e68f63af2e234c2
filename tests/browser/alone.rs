//! The desk for whoever has a keyboard and nothing else, and for whoever has no script.

use super::*;

/// Two messages, one of them held, and the people who deal with them.
async fn two_cases(school: &School) -> Process {
    put(&school.dovecot, AMBER, &hostile(HELD)).await;
    put(&school.dovecot, AMBER, &letter("sender@school.example", AMBER, FLAGGED)).await;
    let watch = Process(school.warden.command("run").stderr(Stdio::null()).spawn().expect("the program"));
    wait_until("two cases are open", || school.warden.cases().len() == 2);
    wait_until("the held message is gone", || school.case(Category::Violence).places[0].state == PlaceState::Removed);
    watch
}

#[tokio::test]
async fn a_lead_without_a_mouse_signs_in_reads_decides_releases_and_destroys_and_always_sees_where_she_is() {
    let school = School::open(&[AMBER]);
    let invitations = serde_json::json!({
        "lead": school.invite("Robin Finch", "dsl", LEAD),
        "deputy": school.invite("Kim Linnet", "deputy", DEPUTY),
    });
    let _watch = two_cases(&school).await;
    school.work(
        "keyboard.mjs",
        serde_json::json!({
            "invitations": invitations,
            "key": school.warden.identity(),
            "held": school.case(Category::Violence).row.codename.as_str(),
            "flagged": school.case(Category::Bullying).row.codename.as_str(),
        }),
    );
    let robin = |(_, who): (Timestamp, String)| who == "Robin Finch";
    wait_until("it is released", || school.case(Category::Violence).released.is_some_and(robin));
    wait_until("it is destroyed", || school.case(Category::Bullying).destroyed.is_some_and(robin));
}

#[tokio::test]
async fn a_lead_whose_browser_runs_no_script_signs_in_reads_the_facts_decides_keeps_a_list_and_signs_out() {
    let school = School::open(&[AMBER]);
    let invitation = school.invite("Robin Finch", "dsl", LEAD);
    let _watch = two_cases(&school).await;
    school.work(
        "plain.mjs",
        serde_json::json!({
            "invitation": invitation,
            "held": school.case(Category::Violence).row.codename.as_str(),
            "flagged": school.case(Category::Bullying).row.codename.as_str(),
            "canary": CANARY,
        }),
    );
    wait_until("what she decided is carried out", || school.case(Category::Bullying).released.is_some_and(|(_, who)| who == "Robin Finch"));
}
