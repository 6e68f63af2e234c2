# A private Dovecot and an SMTP relay, for the demo: unprivileged, on ports of their own, everything in one folder. Sourced by run.sh.
#
# Dovecot refuses to run as root, so root lends both servers the account `nobody`; anyone else runs them as herself.

# servers_start DIR: sets IMAP_PORT, LMTP_PORT and SMTP_PORT, and returns when all three accept connections.
# The mailboxes are those of DIR/passwd, and DIR/master.passwd names who may open them all.
servers_start() {
    local dir=$1 user group as=()
    if [[ $(id -u) == 0 ]]; then
        user=nobody group=nogroup as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    else
        user=$(id -un) group=$(id -gn)
    fi
    read -r IMAP_PORT LMTP_PORT SMTP_PORT < <(free_ports 3)
    mkdir -p "$dir"/{run,state,mail}
    # A copy that `nobody` can read: the sources may lie in a folder of root's own.
    cp "$(dirname "${BASH_SOURCE[0]}")/relay.py" "$dir/relay.py"
    certificates "$dir/tls"
    dovecot_configuration "$dir" "$user" "$group" >"$dir/dovecot.conf"
    if [[ $(id -u) == 0 ]]; then chown -R nobody:nogroup "$dir"; fi

    "${as[@]}" dovecot -c "$dir/dovecot.conf" </dev/null >"$dir/start.log" 2>&1 || { cat "$dir/start.log" >&2; return 1; }
    "${as[@]}" /usr/bin/python3 "$dir/relay.py" "$SMTP_PORT" "$LMTP_PORT" </dev/null >"$dir/relay.log" 2>&1 &
    RELAY_PID=$!
    answers "$IMAP_PORT" && answers "$LMTP_PORT" && answers "$SMTP_PORT"
}

# servers_stop DIR: by the process ids that were noted, and no others. Returns when Dovecot has gone, two seconds at most.
servers_stop() {
    local note=$1/run/master.pid try
    if [[ -n ${RELAY_PID:-} ]]; then kill "$RELAY_PID" 2>/dev/null || true; fi
    if [[ -f $note ]]; then kill "$(<"$note")" 2>/dev/null || true; fi
    for try in {1..20}; do
        [[ -f $note ]] || return 0
        sleep 0.1
    done
}

# Ports that were free a moment ago, as the kernel chooses them.
free_ports() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(one.getsockname()[1] for one in held))
PYTHON
}

# Waits until a port accepts connections, ten seconds at most.
answers() {
    local try
    for try in {1..100}; do
        (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nothing answers on port $1" >&2
    return 1
}

# An authority for this one run, and a certificate by it for `localhost`.
certificates() {
    local dir=$1 curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
    mkdir -p "$dir"
    {
        openssl req -x509 "${curve[@]}" -keyout "$dir/ca.key" -out "$dir/ca.pem" -days 30 -subj "/CN=Demo CA" \
            -addext basicConstraints=critical,CA:TRUE
        openssl req "${curve[@]}" -keyout "$dir/server.key" -out "$dir/server.csr" -subj "/CN=localhost"
        openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 30 -out "$dir/server.pem" \
            -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n')
    } 2>"$dir/openssl.log" || { cat "$dir/openssl.log" >&2; return 1; }
}

dovecot_configuration() {
    local dir=$1 user=$2 group=$3
    cat <<CONFIGURATION
protocols = imap lmtp
listen = 127.0.0.1
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log

# No account but the one it runs as, hence no change of root either.
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 0
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}

ssl = required
ssl_cert = <$dir/tls/server.pem
ssl_key = <$dir/tls/server.key
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $IMAP_PORT
    ssl = yes
  }
}
service lmtp {
  inet_listener lmtp {
    port = $LMTP_PORT
  }
}

auth_master_user_separator = *
auth_failure_delay = 0
passdb {
  driver = passwd-file
  args = username_format=%Lu $dir/master.passwd
  master = yes
  result_success = continue
}
passdb {
  driver = passwd-file
  args = username_format=%Lu $dir/passwd
}
userdb {
  driver = static
  args = uid=$user gid=$group home=$dir/mail/%Lu
}

mail_location = maildir:~/Maildir
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \Sent
  }
  mailbox Junk {
    auto = subscribe
    special_use = \Junk
  }
}
CONFIGURATION
}
