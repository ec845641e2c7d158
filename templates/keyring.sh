#!/bin/sh
# The key that signs a package repository; goes ahead of the scripts that make one known to apt.
set -eu

# fetch ADDRESS FILE: fetches a file. What is asked for safely is not taken from elsewhere.
fetch() {
    case $1 in
    https:*) protocols='=https' ;;
    *) protocols='=https,http' ;;
    esac
    curl -fsSL --proto "$protocols" --proto-redir "$protocols" --retry "${RETRIES:-3}" \
        --connect-timeout 20 --max-time 120 "$1" -o "$2"
}

# primary_keys FILE: prints where the primary keys in a file of OpenPGP packets begin, and how long each is
# (RFC 9580, 4.2 and 10.1); fails for anything that is not whole packets.
primary_keys() {
    od -An -v -tu1 -w1 "$1" | awk '
        { byte[NR - 1] = $1 }
        function number(count, value) {
            for (value = 0; count > 0; count--) value = value * 256 + byte[at++]
            return value
        }
        END {
            while (at < NR) {
                tag = byte[at++]
                if (tag < 128) exit 1
                if (tag >= 192) {
                    kind = tag - 192
                    size = byte[at++]
                    if (size == 255) size = number(4)
                    else if (size >= 224) exit 1
                    else if (size >= 192) size = (size - 192) * 256 + byte[at++] + 192
                } else {
                    kind = int((tag - 128) / 4)
                    if (tag % 4 == 3) exit 1
                    size = number(2 ^ (tag % 4))
                }
                if (at + size > NR) exit 1
                # Of other versions than 4 the fingerprint is made in another way.
                if (kind == 6 && byte[at] != 4) exit 1
                if (kind == 6) print at, size
                at += size
            }
        }'
}

# fingerprint FILE START SIZE: prints that of the key there (RFC 9580, 5.5.4.2).
fingerprint() {
    {
        printf '\231'
        # shellcheck disable=SC2059 # two bytes
        printf "$(printf '\\%03o\\%03o' "$(($3 / 256))" "$(($3 % 256))")"
        tail -c "+$(($2 + 1))" "$1" | head -c "$3"
    } | sha1sum | cut -d ' ' -f 1 | tr '[:lower:]' '[:upper:]'
}

# make_keyring ARMOURED WANTED KEYRING: makes a keyring of the key in a file, if its fingerprint is the one
# that is wanted, and prints the keyring's name. Without a wish the file is taken as it is.
make_keyring() {
    rm -f "$3.asc" "$3.gpg"
    if [ -z "$2" ]; then
        install -m 644 "$1" "$3.asc"
        printf '%s\n' "$3.asc"
        return
    fi
    # Exactly what is looked at here is what apt is given.
    sed -n '/^-----BEGIN PGP PUBLIC KEY BLOCK-----/,/^-----END PGP PUBLIC KEY BLOCK-----/p' "$1" |
        tr -d '\r' | sed -e '1,/^$/d' -e '/^=/d' -e '/^-----/d' | base64 -d >"$1.packets" 2>/dev/null || true
    keys=$(primary_keys "$1.packets") || keys=
    if [ "$(printf '%s' "$keys" | grep -c .)" != 1 ]; then
        echo "that is not one OpenPGP key: $(printf '%s' "$keys" | grep -c .) were found" >&2
        return 1
    fi
    # shellcheck disable=SC2086 # two words
    found=$(fingerprint "$1.packets" $keys)
    if [ "$found" != "$2" ]; then
        echo "its fingerprint is $found, but $2 is expected" >&2
        return 1
    fi
    install -m 644 "$1.packets" "$3.gpg"
    printf '%s\n' "$3.gpg"
}

# fetch_keyring ADDRESS WANTED NAME: fetches the key that signs a repository, and prints the keyring that was
# made of it.
fetch_keyring() {
    install -d -m 755 /etc/apt/keyrings
    key=$(mktemp -d)
    if ! said=$(fetch "$1" "$key/key" 2>&1); then
        rm -rf "$key"
        echo "cannot fetch the key of the package repository: $1: $said" >&2
        return 1
    fi
    if ! made=$(make_keyring "$key/key" "$2" "/etc/apt/keyrings/$3" 2>&1); then
        rm -rf "$key"
        echo "the key of the package repository is not the right one: $1: $made" >&2
        return 1
    fi
    rm -rf "$key"
    printf '%s\n' "$made"
}
