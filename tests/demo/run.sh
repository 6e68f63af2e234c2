#!/usr/bin/env bash
# Plays a day at a school that does not exist, with everything real: Dovecot, SMTP, and mailwarden watching thirteen mailboxes.
# usage: run.sh        ends on Ctrl-C
#        DEMO_SECONDS=30 run.sh
#                      ends by itself, with 0 only when every line of tests/school/expected.tsv came true
# MAILWARDEN names the program. What the demo makes lies in .demo/, beside the sources.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
demo=$root/.demo
binary=${MAILWARDEN:-$root/target/debug/mailwarden}
domain=willowbrook.example
wrongly_held=held/trip-payment.eml # the message, and a word in it by which she knows it
wrongly_held_word='Lakeside Hostels'
declare -A opened=() # codenames that she has looked into
changed_at=0
# shellcheck source=tests/demo/servers.sh
. "$here/servers.sh"

main() {
    "$root/tests/deps.sh" dovecot-imapd dovecot-lmtpd openssl python3-aiosmtpd
    [[ -x $binary ]] || { echo "no program at $binary: \`make build\` makes it" >&2; exit 1; }
    exec 3>&1 # finish may be called while a block writes into a file
    trap finish EXIT
    trap 'exit 0' INT
    trap 'exit 143' TERM
    rm -rf "$demo" && mkdir -p "$demo/hashsets" && touch "$demo/lines.before"

    say "Opening the school: 13 mailboxes on a Dovecot of its own"
    open_school
    say "Making the keys: the server gets the public halves, and can read nothing that it seals"
    make_keys
    write_configuration
    make_hash_list
    mailwarden init "${members[@]}"
    mailwarden check

    say "Half of the mail is there before mailwarden is started"
    school deliver first
    "$binary" run --config "$demo/mailwarden.toml" 2>"$demo/mailwarden.log" &
    watch_pid=$!
    say "The other half arrives while it runs"
    { wait_for_the_first_look && exec /usr/bin/python3 "$here/school.py" deliver second 0.1; } &
    deliver_pid=$!

    end=$((SECONDS + ${DEMO_SECONDS:-1000000}))
    while going_on; do
        kill -0 "$watch_pid" 2>/dev/null || it_ended
        show_the_day
        release_what_was_wrongly_held
        sleep 1
    done
    wait "$deliver_pid"
    deliver_pid=
    sum_up
}

# The shell forgets a Ctrl-C that comes while a command is just ending; mailwarden has heard it, and ends well.
it_ended() {
    wait "$watch_pid" && exit 0
    echo "mailwarden ended:" >&2
    cat "$demo/mailwarden.log" >&2
    exit 1
}

# Until the time is over; on a slow machine for up to two minutes more, until all is delivered, the message is released and no case has changed
# for three seconds.
going_on() {
    ((SECONDS < end)) || { is_unfinished && ((SECONDS < end + 120)); }
}

is_unfinished() {
    kill -0 "$deliver_pid" 2>/dev/null || [[ ! -s $demo/release.log ]] || ((SECONDS < changed_at + 3))
}

# Mail that lies in a mailbox when it is first looked at pages nobody: the other half is to come after that.
wait_for_the_first_look() {
    local mailboxes
    mailboxes=$(tail -n +2 "$root/tests/school/mailboxes.csv" | wc -l)
    until /usr/bin/python3 -c 'import json, sys
looked = [mailbox["last_poll"] for mailbox in json.load(open(sys.argv[1]))["mailboxes"].values()]
sys.exit(len(looked) < int(sys.argv[2]) or not all(looked))' "$demo/state/status.json" "$mailboxes" 2>/dev/null; do sleep 0.2; done
}

# The day as it stands: redrawn on a terminal, elsewhere only the lines that are new.
show_the_day() {
    mailwarden cases list >"$demo/lines"
    cmp -s "$demo/lines" "$demo/lines.before" || changed_at=$SECONDS
    if [[ -t 1 ]]; then
        printf '\e[H\e[J'
        mailwarden status || true # 1 says that something is failing, and the table says what
        echo
        mailwarden cases list
        printf '\nCtrl-C ends the demo.\n'
        [[ ! -s $demo/release.log ]] || cat "$demo/release.log"
    else
        grep -vxFf "$demo/lines.before" "$demo/lines" || true
    fi
    mv "$demo/lines" "$demo/lines.before"
}

# The safeguarding lead opens what was held as a scam, finds an honest reminder, and puts it back.
release_what_was_wrongly_held() {
    local codename sheet
    [[ ! -s $demo/release.log ]] || return 0
    mailwarden cases list --json >"$demo/cases.json"
    for codename in $(held_scams); do
        [[ -z ${opened[$codename]:-} ]] || continue
        opened[$codename]=yes
        sheet=$(mailwarden open "$codename" --identity "$demo/keys/dsl.key" --reason "a held message may be honest")
        if [[ $sheet == *"$wrongly_held_word"* ]]; then
            {
                say "$codename turns out to be an honest reminder. In the office's mailbox it lies in: $(where_it_lies)"
                mailwarden release "$codename" --identity "$demo/keys/dsl.key" --reason "our own booking, rung and confirmed"
                wait_for_it
                say "Released, and back in: $(where_it_lies)"
            } >"$demo/release.log"
            [[ -t 1 ]] || cat "$demo/release.log"
            return
        fi
    done
}

held_scams() {
    /usr/bin/python3 -c 'import json, sys
for case in json.load(sys.stdin):
    if case["category"] == "scam" and case["action"] == "hold": print(case["codename"])' <"$demo/cases.json"
}

where_it_lies() {
    local folders
    folders=$(school find "$wrongly_held" "office@$domain")
    echo "${folders:-no folder}"
}

wait_for_it() {
    local try
    for try in {1..10}; do
        [[ -z $(school find "$wrongly_held" "office@$domain") ]] || return 0
        sleep 0.5
    done
}

sum_up() {
    say "The day"
    mailwarden status
    kill "$watch_pid" && wait "$watch_pid"
    watch_pid=
    say "What the safeguarding lead found in her mailbox"
    school notice "safeguarding@$domain"
    say "Whether the journal is whole"
    mailwarden journal verify
    say "What became of the mail"
    mailwarden cases list --json >"$demo/cases.json"
    mailwarden scan --json "$root/tests/school/mail" >"$demo/scans.json"
    /usr/bin/python3 "$here/verify.py" "$demo/cases.json" "$demo/scans.json" "$wrongly_held"
}

finish() {
    local status=$?
    trap - EXIT INT TERM
    exec >&3
    for pid in ${deliver_pid:-} ${watch_pid:-}; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
    if [[ -n ${servers:-} ]]; then
        servers_stop "$servers"
        rm -rf "$servers"
        say "The school is closed. Its state and its keys are in .demo/"
    fi
    exit "$status"
}

# Dovecot's sockets need a short path that its account may enter: neither is sure of where the sources lie.
open_school() {
    servers=$(mktemp -d "${TMPDIR:-/tmp}/mailwarden-demo.XXXX")
    chmod 755 "$servers"
    (umask 077 && openssl rand -hex 16 >"$demo/imap-password")
    # The scanner is the master user: nobody logs in with a password of their own.
    echo "scanner:{PLAIN}$(<"$demo/imap-password")" >"$servers/master.passwd"
    awk -F, -v password="$(openssl rand -hex 16)" 'NR > 1 { print $1 ":{PLAIN}" password }' "$root/tests/school/mailboxes.csv" >"$servers/passwd"
    servers_start "$servers"
    cp "$servers/tls/ca.pem" "$demo/ca.pem"
    export IMAP_PORT SMTP_PORT CA_FILE=$demo/ca.pem MASTER_PASSWORD_FILE=$demo/imap-password PYTHONDONTWRITEBYTECODE=1
}

# Each of them would make her own key on her own computer, and hand over the public half.
make_keys() {
    local audience public
    mkdir -m 700 "$demo/keys"
    members=()
    for audience in dsl:"Helen Marsh" head:"A. Brook" chair:"P. Lewis" evidence:"Sealed envelope"; do
        public=$("$binary" keys new "$demo/keys/${audience%%:*}.key" | grep -o 'age1[a-z0-9]*')
        members+=(--member "$audience=$public")
    done
}

write_configuration() {
    cat >"$demo/mailwarden.toml" <<CONFIGURATION
[school]
name = "Willowbrook School"
domains = ["$domain"]

[state]
directory = "state"

[[server]]
name = "main"
host = "localhost"
port = $IMAP_PORT
ca_file = "ca.pem"
master_user = "scanner"
password_file = "imap-password"

[mailboxes]
file = "../tests/school/mailboxes.csv"

[watch]
interval = "1s"
except_folders = ["Junk"]

[scan]
workers = 2
rules = ["../rules"]
hashsets = "hashsets"

[notice]
from = "mailwarden@$domain"
smtp_host = "127.0.0.1"
smtp_port = $SMTP_PORT
security = "plaintext"
CONFIGURATION
    contact dsl "Helen Marsh" safeguarding
    contact head "A. Brook" head
    contact chair "P. Lewis" p.lewis
    contact pastoral "S. Patel" s.patel
    contact data-protection "School Office" office
    contact technician "IT Support" it
}

contact() {
    printf '\n[[contact]]\nrecipient = "%s"\nname = "%s"\naddress = "%s"\n' "$1" "$2" "$3@$domain" >>"$demo/mailwarden.toml"
}

# Two landscapes stand in for known pictures: their hashes make a list, as the police or the IWF would hand one over.
make_hash_list() {
    local hashes
    hashes=$("$binary" hashes compute --json "$root"/tests/school/known/*.jpg | grep -oE '"pdq": *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}')
    printf '# %s\n' "mailwarden list 1" "name: stand-ins for the demo" "category: known-image" "kind: pdq" >"$demo/hashsets/stand-ins.txt"
    echo "$hashes" >>"$demo/hashsets/stand-ins.txt"
}

mailwarden() {
    "$binary" "$@" --config "$demo/mailwarden.toml"
}

school() {
    /usr/bin/python3 "$here/school.py" "$@"
}

say() {
    printf '\n== %s\n' "$*"
}

main
