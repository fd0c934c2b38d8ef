# shellcheck shell=sh
# Sourced: packages through apt-get in a tree of its own. The mirror is one that
# the machine's own apt uses; apt's own files are only read, and apt checks the
# signatures.

# mirrors KIND: the addresses that the machine has main of Debian from, for
# suites that the basic regular expression KIND matches.
mirrors() {
	apt-get --print-uris update 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/$1/main/binary-amd64/.*|\1|p" |
		awk '!seen[$0]++'
}

# make_tree DIR TYPE OPTIONS MIRROR SUITE...: an apt.conf in DIR, with these
# suites as its only sources; TYPE is deb or deb-src.
make_tree() {
	tree=$1 type=$2 options=$3 mirror=$4
	shift 4
	mkdir -p "$tree/lists/partial" "$tree/archives/partial"
	: >"$tree/status"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ ! -e $keyring ] || options="$options signed-by=$keyring"
	for suite in "$@"; do
		echo "$type [$options] $mirror $suite main"
	done >"$tree/sources.list"
	cat >"$tree/apt.conf" <<-END
	Dir::Etc::sourcelist "$tree/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State "$tree";
	Dir::State::lists "$tree/lists";
	Dir::State::status "$tree/status";
	Dir::Cache "$tree";
	Dir::Cache::pkgcache "";
	Dir::Cache::srcpkgcache "";
	APT::Architecture "amd64";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	Acquire::Languages "none";
	Acquire::GzipIndexes "true";
	Acquire::Retries "2";
	END
}
