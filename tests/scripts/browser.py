# SPDX-License-Identifier: MIT
"""browser - a Chromium without a window, driven by chromedriver

chromedriver speaks WebDriver, JSON over HTTP on the loopback interface. Browser() is a
context: the browser ends with it. Skip says which program is missing.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from tap import Skip

# Names of keys in WebDriver.
ENTER, ESCAPE, UP, DOWN = '\ue007', '\ue00c', '\ue013', '\ue015'


def free_port():
    with socket.socket() as one:
        one.bind(('127.0.0.1', 0))
        return one.getsockname()[1]


class Browser:
    """One page at a time."""

    def __init__(self, width=1700, height=1000, dark=False):
        chromium = shutil.which('chromium')
        driver = shutil.which('chromedriver')
        if not chromium or not driver:
            raise Skip('no chromium with chromium-driver: `scripts/deps see` '
                       'installs them')
        self.folder = tempfile.mkdtemp()
        self.base = 'http://127.0.0.1:%d' % free_port()
        # pylint: disable=consider-using-with
        self.driver = subprocess.Popen(
            [driver, '--port=' + self.base.rsplit(':', 1)[1]],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        arguments = ['--headless=new', '--no-sandbox', '--disable-gpu',
                     '--hide-scrollbars', '--force-device-scale-factor=1',
                     '--disable-dev-shm-usage',
                     '--window-size=%d,%d' % (width, height),
                     '--user-data-dir=' + self.folder]
        if dark:
            arguments.append('--blink-settings=preferredColorScheme=0')
        self.session = ''
        self.session = '/session/' + self.started(chromium, arguments)

    def started(self, chromium, arguments):
        wanted = {'capabilities': {'alwaysMatch': {
            'browserName': 'chrome',
            'goog:chromeOptions': {'binary': chromium, 'args': arguments},
            'goog:loggingPrefs': {'browser': 'ALL'},
            'timeouts': {'script': 120000, 'pageLoad': 120000}}}}
        for _ in range(200):
            try:
                return self.ask('POST', '/session', wanted)['sessionId']
            except (urllib.error.URLError, ConnectionError) as error:
                if isinstance(error, urllib.error.HTTPError):
                    self.close()
                    raise Skip('chromium does not start: %s' %
                               error.read()[:300]) from error
                time.sleep(0.1)
        self.close()
        raise Skip('chromedriver does not answer')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self.session:
                self.ask('DELETE', '')
        except (urllib.error.URLError, ConnectionError):
            pass
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, method, path, what=None):
        request = urllib.request.Request(
            self.base + self.session + path, method=method,
            data=None if what is None else json.dumps(what).encode(),
            headers={'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.load(answer)['value']

    def open(self, path):
        self.ask('POST', '/url', {'url': 'file://' + os.path.abspath(path)})

    def open_nothing(self):
        """As if it had just been started."""
        self.ask('DELETE', '/actions')
        self.ask('POST', '/url', {'url': 'about:blank'})
        self.complaints()

    def run(self, script, *args):
        """The value that a script returns."""
        return self.ask('POST', '/execute/sync', {'script': script,
                                                  'args': list(args)})

    def wait(self, script, seconds=60):
        """Until a script returns something true, which is the value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run('return ' + script)
            if value:
                return value
            time.sleep(0.05)
        return None

    def act(self, kind, actions):
        source = {'type': kind, 'id': kind, 'actions': actions}
        if kind == 'pointer':
            source['parameters'] = {'pointerType': 'mouse'}
        self.ask('POST', '/actions', {'actions': [source]})

    def keys(self, text):
        self.act('key', [{'type': way, 'value': key} for key in text
                         for way in ('keyDown', 'keyUp')])

    def move(self, x, y):
        self.act('pointer', [{'type': 'pointerMove', 'x': int(x), 'y': int(y)}])

    def click(self, x, y):
        self.act('pointer', [{'type': 'pointerMove', 'x': int(x), 'y': int(y)},
                             {'type': 'pointerDown', 'button': 0},
                             {'type': 'pointerUp', 'button': 0}])

    def complaints(self):
        """What the page has written to the console."""
        return [entry['message'] for entry in
                self.ask('POST', '/se/log', {'type': 'browser'})]

    def picture(self, path):
        with open(path, 'wb') as made:
            made.write(base64.b64decode(self.ask('GET', '/screenshot')))
