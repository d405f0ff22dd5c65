#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the packages of scripts/packages.txt that this machine lacks. Asks nothing, does nothing where all are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mapfile -t wanted < <(grep -Ev '^[[:space:]]*(#|$)' scripts/packages.txt)
missing=()
for package in "${wanted[@]}"; do
    # Where services are started by systemd it would at once open the machine to others; its tests are skipped there.
    [[ $package == openssh-server && -d /run/systemd/system ]] && continue
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "setup.sh: these packages are missing and neither root nor sudo is there to install them: ${missing[*]}" >&2
        echo "setup.sh: as root, run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "setup.sh: installing ${missing[*]}" >&2
install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        </dev/null >&2
}
"${as_root[@]}" apt-get update -qq </dev/null >&2
install
