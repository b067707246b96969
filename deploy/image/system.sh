#!/bin/sh
# Puts below a folder what the image has of Debian: the packages that are named, and those of the libraries that the
# programs named by their paths are linked with.
#
#   sh system.sh <folder> <package or /program>…
#
# Installing git there would bring four times as much, most of it Perl and a package manager, which Berth never calls.
# Scanners find what is here in /var/lib/dpkg/status.d, as in other images without a package manager.
set -eu
folder=$1
shift

packages=''
for each in "$@"; do
  case $each in
    /*)
      libraries=$(ldd "$each")
      if echo "$libraries" | grep 'not found'; then exit 1; fi
      for library in $(echo "$libraries" | grep --only-matching '/[^ ]*'); do
        # Packages know files by their names from before /lib became a link to /usr/lib.
        file=$(readlink --canonicalize "$library")
        owner=$(dpkg-query --search "$file" 2>/dev/null || dpkg-query --search "${file#/usr}")
        packages="$packages ${owner%%:*}"
      done
      ;;
    *) packages="$packages $each" ;;
  esac
done

for directory in dev etc/ssl/certs proc run sys usr/bin usr/lib usr/lib64 usr/sbin var/lib/dpkg/status.d; do
  mkdir -p "$folder/$directory"
done
for link in bin lib lib64 sbin; do ln -s "usr/$link" "$folder/$link"; done
mkdir -m 1777 "$folder/tmp"

for package in $(printf '%s\n' $packages | sort -u); do
  dpkg-query --status "$package" > "$folder/var/lib/dpkg/status.d/$package"
  dpkg-query --listfiles "$package" | while read -r file; do
    case $file in
      /usr/share/doc/*/copyright) ;;
      # For people at a terminal, or in Perl.
      /usr/share/doc/* | /usr/share/info/* | /usr/share/lintian/* | /usr/share/locale/* | /usr/share/man/*) continue ;;
      /usr/share/bash-completion/* | /usr/share/bug/* | /usr/share/gcc/* | /usr/share/gdb/* | /usr/share/git-core/* | /usr/share/perl5/*) continue ;;
      # For servers of git, and for mail: each is a whole git.
      */git-shell | */git-daemon | */git-http-backend | */git-http-push | */git-imap-send | */scalar) continue ;;
      */git-receive-pack | */git-upload-archive | */git-sh-i18n--envsubst | /usr/share/gitweb/*) continue ;;
      # Character sets, other than Unicode; single certificates, which are in the bundle below; other builds of programs.
      /usr/lib/*/gconv/* | /usr/share/ca-certificates/* | /usr/sbin/update-ca-certificates | */tini-static) continue ;;
    esac
    if [ -h "$file" ] || [ -f "$file" ]; then printf '%s\n' "${file#/}"; fi
  done
done > /tmp/files
tar --create --directory=/ --files-from=/tmp/files | tar --extract --directory="$folder"

cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
cp /etc/nsswitch.conf "$folder/etc/"
echo 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin' > "$folder/etc/passwd"
echo 'berth:x:65532:65532:Berth:/var/lib/berth:/usr/sbin/nologin' >> "$folder/etc/passwd"
printf 'root:x:0:\nberth:x:65532:\n' > "$folder/etc/group"
