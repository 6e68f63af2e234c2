//! What most likely lies behind a failure at this provider, and what mends it.

use super::Step;

/// Whose server it is, as far as that changes the advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Google,
    Microsoft,
    Other,
}

impl Provider {
    pub fn of(host: &str) -> Self {
        let is = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if ["office365.com", "outlook.com", "office.com", "partner.outlook.cn"].into_iter().any(is) {
            Self::Microsoft
        } else if ["gmail.com", "google.com", "googlemail.com"].into_iter().any(is) {
            Self::Google
        } else {
            Self::Other
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    pub cause: &'static str,
    pub remedy: &'static str,
}

/// One line of the table: where it applies, and what it says.
struct Entry {
    /// `None`: anybody's.
    provider: Option<Provider>,
    /// `None`: at any step.
    step: Option<Step>,
    /// What the reason holds.
    sign: &'static str,
    /// Whether it applies when all mailboxes of the server fail alike, or only some. `None`: either.
    all: Option<bool>,
    advice: Advice,
}

const fn entry(
    provider: Option<Provider>,
    step: Option<Step>,
    sign: &'static str,
    all: Option<bool>,
    cause: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry { provider, step, sign, all, advice: Advice { cause, remedy } }
}

const MICROSOFT: Option<Provider> = Some(Provider::Microsoft);
const GOOGLE: Option<Provider> = Some(Provider::Google);
const TOKEN: Option<Step> = Some(Step::Token);
const SIGN_IN: Option<Step> = Some(Step::SignIn);

/// The first that applies is given. The numbers are Microsoft's: learn.microsoft.com/entra/identity-platform/reference-error-codes
#[rustfmt::skip]
const TABLE: &[Entry] = &[
    entry(None, TOKEN, "AADSTS7000215", None, "the client's secret is wrong", "hand over the secret's value, not its number (`systemd-creds encrypt --name=oauth-key`)"),
    entry(None, TOKEN, "AADSTS7000222", None, "the client's secret has expired", "make a new one in the app registration, and hand it over (`systemd-creds encrypt --name=oauth-key`)"),
    entry(None, TOKEN, "AADSTS700016", None, "no such application in this directory", "compare `client_id` and `tenant` of [[oauth]] with the app registration"),
    entry(None, TOKEN, "AADSTS90002", None, "there is no such directory", "correct `tenant` of [[oauth]]: the directory's number, or one of its domains"),
    entry(None, TOKEN, "AADSTS700024", None, "the clock of this machine is wrong", "set the clock, and keep it by NTP (`timedatectl set-ntp true`)"),
    entry(None, TOKEN, "AADSTS700027", None, "the certificate is not that of the application, or the key is another's", "upload the certificate of `certificate_file` to the app registration, and hand over its own key"),
    entry(None, TOKEN, "AADSTS65001", None, "nobody has consented to the application's permission", "grant admin consent to `IMAP.AccessAsApp` in the app registration"),
    entry(None, TOKEN, "AADSTS1002012", None, "the scope is none for an application on its own", "remove `scope` from [[oauth]]: the default is right"),
    entry(None, TOKEN, "AADSTS53003", None, "a rule of conditional access keeps the application out", "exempt the application's service principal, or this machine's address, from that rule"),
    entry(None, TOKEN, "IMAP.AccessAsApp", None, "consent is missing", "add the application permission `IMAP.AccessAsApp` of Office 365 Exchange Online, and grant admin consent"),
    entry(None, TOKEN, "unauthorized_client", None, "the delegation lacks the scope, or names another client", "admin console, domain-wide delegation: give the service account's client number the scope `https://mail.google.com/`"),
    entry(None, TOKEN, "invalid_grant", Some(true), "the clock of this machine is wrong, or the key was deleted", "set the clock (`timedatectl set-ntp true`); look whether the service account still has this key"),
    entry(None, TOKEN, "invalid_grant", Some(false), "there is no such user, or the account is suspended", "correct `user` or the address, or remove the mailbox"),
    entry(None, TOKEN, "invalid_client", None, "the issuer does not know the client, or not by this secret", "compare [[oauth]] with what the issuer shows"),
    entry(None, TOKEN, "invalid_scope", None, "the issuer does not give what `scope` asks for", "correct `scope` of [[oauth]]"),
    entry(None, TOKEN, "come back later", None, "the issuer is busy, or throttles", "nothing: it is asked again by itself"),
    entry(None, TOKEN, "is not trusted", None, "something between here and the issuer answers in its place", "let `ca_file` of [[oauth]] name the proxy's authority, or exempt the issuer from it"),
    entry(None, TOKEN, "not the JSON", None, "a proxy or a sign-in page answers in the issuer's place", "correct `token_endpoint`; let the proxy pass it"),
    entry(None, TOKEN, "out of reach", None, "a firewall, a proxy or the name service is in the way", "allow HTTPS to the issuer; behind a proxy set `HTTPS_PROXY` (`systemctl edit mailwarden`)"),
    entry(None, TOKEN, "", None, "the secret is not what [[oauth]] takes it for", "correct [[oauth]], or the file that it names"),

    entry(None, None, "asks to slow down", None, "too many connections or too much traffic", "wait; lower `connections` of [[server]]"),
    entry(MICROSOFT, None, "not connected", None, "the mailbox has no licence, or the application no permission for it", "licence the mailbox; `Add-MailboxPermission -Identity … -User … -AccessRights FullAccess`"),
    entry(MICROSOFT, SIGN_IN, "login refused", Some(true), "the service principal is not registered in Exchange Online", "`New-ServicePrincipal -AppId … -ObjectId …` with the object of the enterprise application; then `Add-MailboxPermission` for every mailbox"),
    entry(MICROSOFT, SIGN_IN, "login refused", Some(false), "the application has no permission for this mailbox, or IMAP is switched off for it", "`Add-MailboxPermission -Identity … -User … -AccessRights FullAccess`; `Set-CASMailbox -Identity … -ImapEnabled $true`"),
    entry(GOOGLE, SIGN_IN, "not enabled for IMAP", None, "IMAP is switched off", "admin console, Gmail, end user access: switch IMAP on for this organisational unit"),
    entry(GOOGLE, SIGN_IN, "Application-specific password", None, "Google takes no passwords", "let [[server]] sign in by `oauth`"),
    entry(GOOGLE, SIGN_IN, "Web login required", None, "Google takes no passwords", "let [[server]] sign in by `oauth`"),
    entry(GOOGLE, SIGN_IN, "login refused", None, "the token's scope is too small, or IMAP is switched off", "the scope must be `https://mail.google.com/`; switch IMAP on in the admin console"),
    entry(GOOGLE, Some(Step::List), "All Mail", None, "the label is hidden from IMAP", "Gmail, settings, labels: let All Mail show in IMAP"),
    entry(None, SIGN_IN, "insufficient_scope", None, "the token is for something else", "correct `scope` of [[oauth]]"),
    entry(None, SIGN_IN, "the token is not accepted", None, "the server does not believe this issuer, or the token is for another user", "compare the server's OAuth settings with [[oauth]]; `user` must be the name that the token is for"),
    entry(None, SIGN_IN, "[AUTHORIZATIONFAILED]", None, "the master user may not enter this mailbox", "give it that right on the server"),
    entry(None, SIGN_IN, "[UNAVAILABLE]", None, "the server's own directory does not answer", "look into the server's log"),
    entry(None, SIGN_IN, "login refused", Some(true), "the password is wrong, or the master user is not known", "correct the password, `master_user` and `master_separator`"),
    entry(None, SIGN_IN, "login refused", Some(false), "there is no such user, or this password is wrong", "correct `user`, the address, or the password"),
    entry(None, Some(Step::Resolve), "", None, "the name is misspelt, or the name service is out of reach", "correct `host` of [[server]]; try `getent hosts NAME`"),
    entry(None, Some(Step::Connect), "does not greet", None, "another service listens there", "correct `port` and `security` of [[server]]"),
    entry(None, Some(Step::Connect), "", None, "a firewall is in the way, or the server is down", "allow the connection; correct `port` of [[server]]"),
    entry(None, Some(Step::Tls), "", None, "the certificate is for another name, has expired, or is from an authority that is not trusted; or the clock is wrong", "correct `host` or `ca_file` of [[server]]; look at the clock"),
    entry(None, Some(Step::Remove), "UIDPLUS", None, "the server is too simple", "messages stay in this mailbox whatever they hold: use a server with UIDPLUS (RFC 4315)"),
    entry(None, Some(Step::Remove), "", None, "the account may read and not remove", "give it the right to delete in every folder"),
    entry(None, Some(Step::Select), "", None, "the account may not read INBOX", "give it the right to read every folder"),
    entry(None, Some(Step::List), "", None, "the account may not see any folder", "give it the right to look up and to read every folder"),
    entry(None, SIGN_IN, "", None, "the way in cannot be used", "see the line above; `mailwarden check` tells of files"),
];

/// The advice for a failure that all mailboxes of a server have, or only some.
pub fn advise(provider: Provider, step: Step, why: &str, all: bool) -> Advice {
    const UNKNOWN: Advice = Advice { cause: "not known here", remedy: "look into the server's log at this moment" };
    let applies = |entry: &&Entry| {
        entry.provider.is_none_or(|one| one == provider)
            && entry.step.is_none_or(|one| one == step)
            && entry.all.is_none_or(|one| one == all)
            && why.contains(entry.sign)
    };
    TABLE.iter().find(applies).map_or(UNKNOWN, |entry| entry.advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(host: &str, step: Step, why: &str, all: bool) -> &'static str {
        advise(Provider::of(host), step, why, all).cause
    }

    #[test]
    fn the_same_refusal_means_one_thing_for_all_mailboxes_and_another_for_some() {
        let (microsoft, why) = ("outlook.office365.com", "login refused: AUTHENTICATE failed");
        assert_eq!(cause(microsoft, Step::SignIn, why, true), "the service principal is not registered in Exchange Online");
        assert_eq!(
            cause(microsoft, Step::SignIn, why, false),
            "the application has no permission for this mailbox, or IMAP is switched off for it"
        );
        assert_eq!(cause("imap.school.example", Step::SignIn, why, false), "there is no such user, or this password is wrong");
    }

    #[test]
    fn a_provider_is_known_by_the_end_of_its_name_and_not_by_a_part_of_it() {
        assert_eq!(Provider::of("imap.gmail.com"), Provider::Google);
        assert_eq!(Provider::of("office365.com"), Provider::Microsoft);
        assert_eq!(Provider::of("notgmail.com"), Provider::Other);
        assert_eq!(Provider::of("gmail.com.school.example"), Provider::Other);
    }

    #[test]
    fn there_is_advice_for_every_step_and_no_line_of_the_table_is_hidden_by_those_above_it() {
        for step in Step::ALL.into_iter().filter(|step| *step != Step::Fetch) {
            assert_ne!(cause("imap.school.example", step, "", true), "not known here", "{step:?}");
        }
        for entry in TABLE {
            let (provider, step) = (entry.provider.unwrap_or(Provider::Other), entry.step.unwrap_or(Step::Fetch));
            let given = advise(provider, step, entry.sign, entry.all.unwrap_or(true));
            assert_eq!(given, entry.advice, "`{}` at {step:?}", entry.sign);
        }
    }
}
