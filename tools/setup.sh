#!/bin/sh
# Installs what building, testing and running Postroad needs on Debian 12, and nothing if it is there.
# As root, or as a user who may sudo. SETUP=run installs what `make run` needs; SETUP=test (default) what
# `make test` needs; SETUP=bench also the servers that benchmarks compare with (none of them is started).
set -eu

build="clang-19 lld-19 cmake ninja-build ccache pkg-config make git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev librocksdb-dev libprotobuf-dev
  protobuf-compiler libunbound-dev libicu-dev libidn2-dev libpsl-dev publicsuffix zlib1g-dev libzstd-dev
  libtomlplusplus-dev libcli11-dev libfmt-dev libsodium-dev libcrypt-dev libre2-dev libxapian-dev
  libgumbo-dev libseccomp-dev libxxhash-dev"
tests="libgtest-dev libgmock-dev libclang-rt-19-dev clang-format-19 clang-tidy-19 llvm-19 python3 openssl"

# name servers, for the resolver's tests; none of them is started
servers="nsd ldnsutils"
clients="swaks libnet-ssleay-perl libauthen-sasl-perl curl s-nail msmtp mutt isync fetchmail getmail6 offlineimap3 thunderbird fuse3 libfuse3-dev libfaketime"
rivals="postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd"
# mail servers that tests/relay talks with. Of these Debian installs only one at a time, and two of them are only
# unpacked, into a folder of their own; what they are linked with is installed.
peers="exim4-daemon-light opensmtpd"
peer_libraries="libdb5.3 libevent-2.1-7 libgnutls-dane0 libidn12 libidn2-0 libnsl2 libpcre2-8-0 iproute2"
peer_folder=/var/cache/postroad-peers

packages=$build
[ "${SETUP:-test}" = run ] || packages="$build $tests $clients $servers $peer_libraries"
[ "${SETUP:-test}" != bench ] || packages="$packages $rivals"

missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
unpack=
if [ "${SETUP:-test}" != run ]; then
  [ -x $peer_folder/usr/sbin/exim4 ] && [ -x $peer_folder/usr/sbin/smtpd ] || unpack=$peers
fi
[ -z "$missing$unpack" ] && exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "Missing packages:$missing $unpack
Install them as root, or install sudo: then this script does it." >&2; exit 1; }
  as_root=sudo
fi
echo "Installing:$missing $unpack"
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# Debian starts a server as it installs it, unless this file says no (invoke-rc.d(8)).
if [ "${SETUP:-test}" != run ]; then
  [ "${SETUP:-test}" != bench ] || echo "postfix postfix/main_mailer_type select No configuration" | $as_root debconf-set-selections
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root install -m 755 /dev/stdin /usr/sbin/policy-rc.d
    trap '$as_root rm -f /usr/sbin/policy-rc.d' EXIT
  fi
fi
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
if [ -n "$unpack" ]; then
  folder=$(mktemp -d)
  $as_root chmod 755 "$folder"  # apt downloads as a user of its own
  (cd "$folder" && $as_root apt-get download -qq $unpack)
  for package in "$folder"/*.deb; do $as_root dpkg -x "$package" $peer_folder; done
  $as_root find $peer_folder -type f -perm /6000 -exec chmod ug-s {} +  # nobody becomes root by them
  $as_root rm -r "$folder"
fi
