#!/bin/sh
# Certificates for the tests, made in the current folder: an authority and what it issued, another authority, OCSP responses.
set -eu

authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign,cRLSign
}

issue() { # AUTHORITY NAME SUBJECT ALTERNATIVE-NAMES KEY-OPTIONS...
    issuer=$1 name=$2 subject=$3 names=$4
    shift 4
    openssl req -newkey "$@" -nodes -utf8 -subj "$subject" -keyout "$name.key" -out "$name.csr"
    printf 'subjectAltName=%s\n' "$names" > "$name.ext"
    openssl x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -set_serial "0x$(openssl rand -hex 8)" -days 1 \
        -extfile "$name.ext" -out "$name.leaf"
    cat "$name.leaf" "$issuer.pem" > "$name.pem"
}

staple() { # NAME OUTPUT OPTIONS...
    name=$1 output=$2
    shift 2
    serial=$(openssl x509 -in "$name.leaf" -noout -serial | cut -d= -f2)
    printf 'V\t%s\t\t%s\tunknown\t/CN=%s\n' "$(date -u -d '+1 day' +%y%m%d%H%M%SZ)" "$serial" "$name" > index.txt
    openssl ocsp -index index.txt -rsigner authority.pem -rkey authority.key -CA authority.pem -issuer authority.pem \
        -cert "$name.leaf" -respout "$output" "$@"
}

authority authority
authority stranger
ec='ec -pkeyopt ec_paramgen_curve:P-256'
issue authority exact /CN=exact DNS:api.example $ec
issue authority wildcard /CN=wildcard 'DNS:*.example' $ec
issue authority default /CN=default DNS:default.test $ec
issue authority rsa /CN=rsa DNS:api.example rsa:2048
issue authority upstream /CN=upstream DNS:upstream.test,IP:127.0.0.1 $ec
issue authority client '/O=Acme, Inc./CN=zoe' email:zoe@acme.example $ec
issue stranger outsider /CN=outsider email:eve@evil.example $ec
staple exact fresh.der -ndays 1
staple rsa other.der -ndays 1
