#!/bin/sh
# Set-up behind `make setup`: system packages, then .venv with everything pinned.
# Run it as often as you like: it does only what is missing, and takes a second when nothing is.
#   PYTHON=/path/to/python3.12 make setup   uses that interpreter instead of the first one found
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# PortAudio for the microphone; what Qt's xcb plug-in loads, and a font, for the overlay; a virtual
# display for its tests.
packages="libportaudio2
libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libxcb-cursor0 libxcb-icccm4
libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xfixes0
libxcb-xinerama0 libxcb-xkb1 libxkbcommon-x11-0 libxkbcommon0
fonts-dejavu-core
xauth xvfb"

missing_packages() {
    # A package counts as present under its own name or one that it provides (libglib2.0-0t64).
    present=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
        sed -n 's/^installed //p' | tr -s ', ' '\n\n')
    for package in $packages; do
        printf '%s\n' "$present" | grep -qxF "$package" || printf '%s ' "$package"
    done
}

install_packages() {
    # $1: sudo or nothing; the rest: packages
    run_as=$1
    shift
    $run_as apt-get update -qq &&
        $run_as env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

system_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        case $(uname -s) in
        Linux) say "no apt-get here; the microphone needs PortAudio, the overlay Qt 6's xcb libraries" ;;
        esac
        return
    fi
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -eq 0 ]; then
        run_as=
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        run_as=sudo
    else
        say "these system packages are missing (microphone, overlay, the overlay's tests); type:"
        say "  sudo apt-get update && sudo apt-get install -y $missing"
        say "going on without them"
        return
    fi
    say "installing system packages: $missing"
    # shellcheck disable=SC2086  # the list is meant to be split
    install_packages "$run_as" $missing || {
        say "apt-get failed; going on without; to try again type:"
        say "  $run_as apt-get update && $run_as apt-get install -y $missing"
    }
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 python python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
}

make_venv() {
    "$python" -m venv --clear .venv && return
    # Debian keeps ensurepip in a package of its own.
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        install_packages "" "$version" && "$python" -m venv --clear .venv && return
    fi
    die "$python cannot make a virtual environment; type: sudo apt-get install -y $version"
}

python_packages() {
    python=$(find_python)
    [ -n "$python" ] || die "Python 3.11 or newer is needed; install it, or name it: PYTHON=… make setup"
    stamp=$(cat pyproject.toml constraints.txt .ci/setup.sh | "$python" -c \
        'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')
    if [ -x .venv/bin/dragoman ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ] &&
        new_enough .venv/bin/python; then
        return
    fi
    rm -f .venv/stamp
    if ! [ -x .venv/bin/pip ] || ! new_enough .venv/bin/python; then
        say "making .venv with $("$python" --version)"
        make_venv
    fi
    pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet -c constraints.txt"
    # torch goes first and with plain pip, so that a CPU build offered to pip is the one taken.
    say "installing torch (the largest download)"
    $pip torch==2.13.0
    say "installing everything else"
    $pip setuptools
    $pip --no-build-isolation -e '.[audio,ui,mqtt,edge,export,models,train,eval,dev]'
    # Otherwise the first run would do it, and begin later.
    .venv/bin/dragoman models prepare >/dev/null || say "the models are not prepared; going on"
    printf '%s\n' "$stamp" >.venv/stamp
    say "ready: .venv/bin/dragoman --help"
}

system_packages
python_packages
