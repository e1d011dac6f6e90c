"""What the tests share: the binary, upstreams and key servers, each ended with the test that made it."""
import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support.gateway import BINARY, Gateway  # noqa: E402
from support.machine import Machine, what_machines_lack  # noqa: E402
from support.tokens import Key, KeyServer  # noqa: E402
from support.upstream import ScriptedUpstream, Upstream  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "corpora: reads the public test data of PORTCULLIS_CORPORA")
    config.addinivalue_line("markers", "memory: asserts how much memory is used, which sanitizers multiply")
    config.addinivalue_line("markers", "soak: takes minutes; `make soak` runs it")
    # What goes wrong in a thread of a test is a failure of that test.
    config.addinivalue_line("filterwarnings", "error::pytest.PytestUnhandledThreadExceptionWarning")
    if not os.access(BINARY, os.X_OK):
        raise pytest.UsageError(f"there is no {BINARY}: `make build` makes it, PORTCULLIS_BINARY names another")


@pytest.fixture(params=[1, 4], ids=["1-worker", "4-workers"])
def workers(request):
    """For tests that must hold over one loop and over several."""
    return request.param


def makes(make, end):
    """What a fixture yields: `make`, whose results are ended, in their order, with the fixture's scope."""
    made = []

    def remembering(*arguments, **options):
        made.append(make(*arguments, **options))
        return made[-1]

    yield remembering
    for each in made:
        end(each)


@pytest.fixture
def start(tmp_path_factory):
    """Starts gateways: `start(config)`; ends them, and fails where one has crashed."""
    yield from gateways(tmp_path_factory)


@pytest.fixture(scope="module")
def start_once(tmp_path_factory):
    """As `start`, for gateways that the tests of a file share."""
    yield from gateways(tmp_path_factory)


def gateways(folders):
    return makes(lambda config, **options: Gateway(folders.mktemp("gateway"), config, **options), Gateway.stop)


@pytest.fixture
def upstream():
    """Makes upstreams: `upstream(answer)`."""
    yield from makes(Upstream, Upstream.close)


@pytest.fixture(scope="module")
def upstream_once():
    """As `upstream`, for upstreams that the tests of a file share."""
    yield from makes(Upstream, Upstream.close)


@pytest.fixture
def script():
    """Makes upstreams that do what a function of the connection does: `script(function)`."""
    yield from makes(ScriptedUpstream, ScriptedUpstream.close)


@pytest.fixture(scope="module")
def script_once():
    """As `script`, for upstreams that the tests of a file share."""
    yield from makes(ScriptedUpstream, ScriptedUpstream.close)


@pytest.fixture
def key_server():
    """Makes key servers: `key_server(key, …)`."""
    yield from makes(KeyServer, KeyServer.close)


@pytest.fixture(scope="module")
def key_server_once():
    """As `key_server`, for key servers that the tests of a file share."""
    yield from makes(KeyServer, KeyServer.close)


@pytest.fixture(scope="session")
def keys():
    """One key of each kind; making RSA keys takes a while."""
    return {algorithm: Key(algorithm, f"{algorithm.lower()}-1") for algorithm in ("RS256", "ES256", "EdDSA")}


@pytest.fixture(scope="module")
def chromium():
    """A browser; tests make profiles in it."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=[
            "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP *.test 127.0.0.1"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def machine():
    """A machine with systemd of its own."""
    lacking = what_machines_lack()
    if lacking:
        pytest.skip(lacking)
    made = Machine()
    yield made
    made.close()
