"""What the tests share: the binary, upstreams and key servers, each ended with the test that made it."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.gateway import BINARY, Gateway  # noqa: E402
from support.tokens import Key, KeyServer  # noqa: E402
from support.upstream import OK, ScriptedUpstream, Upstream  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "corpora: reads the public test data of PORTCULLIS_CORPORA")
    if not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"there is no {BINARY}: `make build` makes it, PORTCULLIS_BINARY names another")


@pytest.fixture(params=[1, 4], ids=["1-worker", "4-workers"])
def workers(request):
    """For tests that must hold over one loop and over several."""
    return request.param


@pytest.fixture
def start(tmp_path):
    """Starts gateways: `start(config)`; ends them, and fails where one has crashed."""
    started = []

    def make(config, **options):
        folder = tmp_path / f"gateway{len(started)}"
        folder.mkdir()
        started.append(Gateway(folder, config, **options))
        return started[-1]

    yield make
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def start_once(tmp_path_factory):
    """As `start`, for gateways that the tests of a file share."""
    started = []

    def make(config, **options):
        started.append(Gateway(tmp_path_factory.mktemp("gateway"), config, **options))
        return started[-1]

    yield make
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def upstream_once():
    """As `upstream`, for upstreams that the tests of a file share."""
    made = []

    def make(answer=OK, **options):
        made.append(Upstream(answer, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def key_server_once():
    """As `key_server`, for key servers that the tests of a file share."""
    made = []

    def make(*keys, **options):
        made.append(KeyServer(*keys, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def upstream():
    """Makes upstreams: `upstream(answer)`."""
    made = []

    def make(answer=OK, **options):
        made.append(Upstream(answer, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def keys():
    """One key of each kind; making RSA keys takes a while."""
    return {algorithm: Key(algorithm, f"{algorithm.lower()}-1") for algorithm in ("RS256", "ES256", "EdDSA")}


@pytest.fixture
def key_server():
    """Makes key servers: `key_server(key, …)`."""
    made = []

    def make(*keys, **options):
        made.append(KeyServer(*keys, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def module_start(tmp_path_factory):
    """As `start`, for gateways that the tests of a module share."""
    started = []

    def make(config, **options):
        started.append(Gateway(tmp_path_factory.mktemp("gateway"), config, **options))
        return started[-1]

    yield make
    for gateway in started:
        gateway.stop()


@pytest.fixture(scope="module")
def module_upstream():
    """As `upstream`, for upstreams that the tests of a module share."""
    made = []

    def make(answer=OK, **options):
        made.append(Upstream(answer, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def script():
    """Makes upstreams that do what a function of the connection does: `script(function)`."""
    made = []

    def make(function, **options):
        made.append(ScriptedUpstream(function, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
