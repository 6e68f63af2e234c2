# Within the booted system: installs mailwarden word by word as docs/technician.md says, and sees what the service does. Run by boot.sh.
set -euo pipefail
cd /home/technician/release
domain=willowbrook.example
servers=/var/tmp/servers
# What no message says by chance, and no rule is about but the one that is made here.
word=zanderfang
# shellcheck source=tests/demo/servers.sh
. tests/demo/servers.sh

main() {
    await "systemd has booted" has_booted
    echo "seen  $(systemctl --version | head -1), as process 1 of $(uname -sr)"
    open_servers
    install_as_documented
    hold_ceremony
    start
    see_cage
    scan_and_hold
    reload_rules
    put_back
    survive
    stop
}

open_servers() {
    mkdir -m 755 "$servers"
    (umask 077 && openssl rand -hex 16 >/home/technician/imap-password)
    echo "scanner:{PLAIN}$(</home/technician/imap-password)" >"$servers/master.passwd"
    printf '%s:{PLAIN}-\n' {office,safeguarding}@"$domain" >"$servers/passwd"
    servers_start "$servers"
}

install_as_documented() {
    documented 'install -m 0755 mailwarden' >/run/install.sh
    see "what the guide says installs it" bash -eu /run/install.sh
    configuration >/etc/mailwarden/mailwarden.toml
    mkdir /etc/mailwarden/local-rules/violence
    rule violence.word "$word" >/etc/mailwarden/local-rules/violence/word.toml
    install -m 0640 -g mailwarden "$servers/tls/ca.pem" /etc/mailwarden/ca.pem
    chown root:mailwarden /etc/mailwarden/mailwarden.toml
    chmod 0640 /etc/mailwarden/mailwarden.toml
    documented 'systemd-creds encrypt' | sed "s/ - / \/home\/technician\/imap-password /" >/run/credentials.sh
    see "the password is encrypted to this machine" bash -eu /run/credentials.sh
    see "\`check\` finds no fault" as_service mailwarden check
}

hold_ceremony() {
    local audience members=()
    for audience in dsl head chair evidence; do
        members+=(--member "$audience:A. Member=$(mailwarden keys new "/home/technician/$audience.key" | grep -o 'age1[a-z0-9]*')")
    done
    see "the keys are enrolled" as_service mailwarden init "${members[@]}"
}

start() {
    see "\`systemctl enable --now\` returns when it is ready" systemctl enable --now mailwarden
    see "it is active" systemctl is-active mailwarden
    see "\`status\` as the user of the service says that all is well" as_service mailwarden status
    see "the scan processes are caged within the unit's own cage" status_says '^cage +seccomp, landlock'
}

# What the unit promises of a process, as the kernel tells it.
see_cage() {
    local nursery
    nursery=$(pgrep --parent "$(main_process)" | head -n 1)
    see "the service runs as its own user" process_is "$(main_process)" Uid "$(id -u mailwarden)"
    see "it can gain no privilege" process_is "$(main_process)" NoNewPrivs 1
    see "it has no capability left" process_is "$(main_process)" CapBnd 0000000000000000
    see "its system calls are filtered" process_is "$(main_process)" Seccomp 2
    see "those of a scan process are filtered once more" more_filters "$nursery" "$(main_process)"
    see "it sees its program and no home directory" sees_no_home "/proc/$(main_process)/root"
}

scan_and_hold() {
    deliver "see you at lunch"
    deliver "the $word of it"
    await "a message is held" held_cases_are 1
    await "it is gone from the mailbox, and the other is there" lie_there 0 1
    await "the safeguarding lead has been told" status_says '^notices +all delivered'
    see "\`status\` says that all is well" as_service mailwarden status
}

reload_rules() {
    local before began=$EPOCHSECONDS
    before=$(rules)
    rule violence.another quillwort >/etc/mailwarden/local-rules/violence/another.toml
    see "\`systemctl reload\` with one more rule" systemctl reload mailwarden
    await "it is in force" rules_are $((before + 1))
    sed -i 's/^schema = 1/schema = none/' /etc/mailwarden/local-rules/violence/another.toml
    see "\`systemctl reload\` with a broken rule" systemctl reload mailwarden
    await "the log says that it is refused" logged 'the change is refused, what was in force stays in force'
    see "the rules of before stay in force" rules_are $((before + 1))
    await "\`status\` says why" status_says 'another.toml'
    see "\`status\` ends with 1" fails as_service mailwarden status
    rm /etc/mailwarden/local-rules/violence/another.toml
    see "\`systemctl reload\` without it" systemctl reload mailwarden
    await "all is well again" as_service mailwarden status
    see "what remains is in force" rules_are "$before"
}

# The command of the guide, with the codename and the key of today.
put_back() {
    documented 'mailwarden release amber-heron-7' | sed "s/amber-heron-7/$(held_cases)/; s/robin.key/\/home\/technician\/dsl.key/" >/run/release.sh
    see "\`release\` gets the password from systemd" bash -eu /run/release.sh
    see "the message is back in its place" lie_there 1 1
}

survive() {
    local before began=$EPOCHSECONDS
    before=$(main_process)
    see "the process is killed" kill -KILL "$before"
    await "systemd starts another" another_than "$before"
    deliver "another $word"
    await "it goes on with the mail" held_cases_are 2
    see "the journal is unbroken" as_service mailwarden journal verify

    see "it feeds the watchdog" feeds_watchdog
    see "it is restarted, with less patience, and hangs" shorten_watchdog
    before=$(main_process)
    await "systemd starts another in its place" another_than "$before"
    see "because of the watchdog" logged 'Watchdog timeout'
}

stop() {
    local began=$EPOCHSECONDS
    deliver "yet another $word"
    see "\`systemctl stop\`" systemctl stop mailwarden
    see "the rounds at work were finished first" logged 'stopping: the rounds at work are finished first'
    see "it ended well" ended_well
    see "its last word is in the journal" last_in_journal stopped
    sed -i 's/^interval = .*/interval = "soon"/' /etc/mailwarden/mailwarden.toml
    see "a fault in the configuration keeps it from starting" fails systemctl start mailwarden
    see "systemd does not try again in vain" is_failed_for_good
}

# deliver TEXT: to the office, from outside.
deliver() {
    /usr/bin/python3 - "$SMTP_PORT" "office@$domain" "$1" <<'PYTHON'
import smtplib, sys
_, port, to, text = sys.argv
with smtplib.SMTP("127.0.0.1", int(port)) as smtp:
    smtp.sendmail("somebody@elsewhere.example", to, f"From: somebody@elsewhere.example\r\nTo: {to}\r\nSubject: test\r\n\r\n{text}\r\n")
PYTHON
}

# rule ID WORD
rule() {
    cat <<RULE
schema = 1
id = "$1"
title = "A made-up word of the test"
category = "${1%%.*}"
stage = "hold"

[[signal]]
name = "word"
terms = ["$2"]

[decide]
fire = "word"
score = 80
$(printf '\n[[example]]\nexpect = "match"\ntext = "%s"\n' "the $2 of it" "$2")
$(printf '\n[[example]]\nexpect = "no-match"\ntext = "%s"\n' "nothing of the kind" "nor here")

[[history]]
date = 2026-11-21
by = "test"
note = "made up"
RULE
}

main_process() { systemctl show --property MainPID --value mailwarden; }
process_is() { awk -v name="$2:" -v value="$3" '$1 == name && $2 == value { found = 1 } END { exit !found }' "/proc/$1/status"; }
more_filters() { (($(filters "$1") > $(filters "$2"))); }
filters() { awk '$1 == "Seccomp_filters:" { print $2 }' "/proc/$1/status"; }
sees_no_home() { [[ -x $1/usr/bin/mailwarden && ! -e $1/home/technician/release ]]; }
held_cases_are() { [[ $(held_cases | wc -l) == "$1" ]]; }
held_cases() { as_service mailwarden cases list | awk '$4 == "hold" { print $1 }'; }
# lie_there HELD OTHER: so many messages of each kind are in the office's INBOX.
lie_there() { [[ $(messages_with "$word") == "$1" && $(messages_with lunch) == "$2" ]]; }
messages_with() { grep -rl "$1" "$servers/mail/office@$domain/Maildir/"{cur,new} | wc -l; }
rules() { as_service mailwarden status | awk '$1 == "rules" { print $3 }'; }
rules_are() { [[ $(rules) == "$1" ]]; }
logged() { journalctl --unit mailwarden --since "@$began" --output cat --no-pager | grep -F "$1"; }
another_than() {
    local now
    now=$(main_process)
    [[ $now != 0 && $now != "$1" && $(systemctl is-active mailwarden) == active ]]
}
feeds_watchdog() {
    local before
    before=$(systemctl show --property WatchdogTimestampMonotonic --value mailwarden)
    sleep 5
    (($(systemctl show --property WatchdogTimestampMonotonic --value mailwarden) > before))
}
ended_well() { [[ $(systemctl show --property Result --value mailwarden) == success ]]; }
last_in_journal() { as_service mailwarden journal show --last 1 | grep -i "$1"; }
is_failed_for_good() { [[ $(systemctl is-failed mailwarden) == failed && $(systemctl show --property ExecMainStatus --value mailwarden) == 78 ]]; }
shorten_watchdog() {
    mkdir -p /run/systemd/system/mailwarden.service.d
    printf '[Service]\nWatchdogSec=4\nTimeoutAbortSec=1\n' >/run/systemd/system/mailwarden.service.d/soon.conf
    systemctl daemon-reload
    systemctl restart mailwarden
    kill -STOP "$(main_process)"
}
fails() { ! "$@"; }

# see WHAT COMMAND...: the command succeeds.
see() {
    local what=$1
    shift
    "$@" >/run/told 2>&1 || not_seen "$what" "$*"
    echo "seen  $what"
}

# await WHAT COMMAND...: the command succeeds within twenty seconds.
await() {
    local what=$1
    shift
    for _ in {1..300}; do
        if "$@" >/run/told 2>&1; then
            echo "seen  $what"
            return
        fi
        sleep 0.2
    done
    not_seen "$what" "$*"
}

not_seen() {
    echo "NOT SEEN  $1: \`$2\` said" >&2
    cat /run/told >&2
    echo "The service's log ends with" >&2
    journalctl --unit mailwarden --output cat --no-pager | tail -n 30 >&2
    exit 1
}

has_booted() {
    [[ $(systemctl is-system-running) =~ running|degraded|starting ]]
}

status_says() {
    grep -E "$1" < <(as_service mailwarden status)
}

# The guide says `sudo -u mailwarden`, which comes to the same.
as_service() {
    setpriv --reuid=mailwarden --regid=mailwarden --init-groups "$@"
}

# documented WORDS: the first block of code in the guide that has these words in it.
documented() {
    awk -v words="$1" '
        /^ *```/ { if (found) exit; inside = !inside; text = ""; next }
        inside { text = text $0 "\n"; found = found || index($0, words) }
        END { if (!found) exit 1; printf "%s", text }' docs/technician.md
}

configuration() {
    cat <<CONFIGURATION
[school]
name = "Willowbrook School"
domains = ["$domain"]

[[server]]
host = "localhost"
port = $IMAP_PORT
ca_file = "ca.pem"
master_user = "scanner"
credential = "imap-password"

[[mailbox]]
address = "office@$domain"
role = "shared"

[[mailbox]]
address = "safeguarding@$domain"
role = "safeguarding"

[watch]
interval = "1s"

[scan]
workers = 2
rules = ["/usr/share/mailwarden/rules", "local-rules"]

[policy.actions]
violence = "hold"

[notice]
from = "mailwarden@$domain"
smtp_host = "127.0.0.1"
smtp_port = $SMTP_PORT
security = "plaintext"

[[contact]]
recipient = "dsl"
name = "Helen Marsh"
address = "safeguarding@$domain"

[[contact]]
recipient = "technician"
name = "IT Support"
address = "office@$domain"
CONFIGURATION
}


main
