"""Names for one gateway alone: an /etc/hosts of its own, in a mount namespace."""
import os
import pathlib
import subprocess

import pytest


class Hosts:
    """`prefix` starts a program that sees these names; what `set` changes counts from its next look on."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "hosts"
        self.names = {}
        self.set()
        options = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
        # No server of names is asked for what is not in the file.
        (self.path.parent / "nsswitch.conf").write_text("hosts: files\n")
        mount = ('mount --bind "$0/hosts" /etc/hosts && mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf '
                 '&& exec "$@"')
        self.prefix = ["unshare", *options, "sh", "-c", mount, str(folder)]
        if subprocess.run([*self.prefix, "true"], capture_output=True).returncode != 0:
            pytest.skip("this machine allows no mount namespace")

    def set(self, **names):
        """`app="127.0.0.2 127.0.0.3"` is the name `app.test` with two addresses; None: it is there no more."""
        self.names.update({name + ".test": addresses for name, addresses in names.items()})
        lines = [f"{address} {name}" for name, addresses in self.names.items() if addresses
                 for address in addresses.split()]
        # The same file as before: it is mounted.
        self.path.write_text("127.0.0.1 localhost\n" + "\n".join(lines) + "\n")
