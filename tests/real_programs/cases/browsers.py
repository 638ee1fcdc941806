"""Browsers with a window, on an X server without a screen (Xvfb), showing a page that draws.

They bring a malloc of their own, and libraries that allocate by other names. The page counts the
frames it draws in the window's title; the count must go on growing to the end, when the browser is
told to close. No process of theirs may have crashed or written a complaint of the library.
"""

import os
import re
import signal
import subprocess
import time

from case import WORKLOADS, Case
from packages import Need
from session import Failure, excerpt

PAGE = f"file://{WORKLOADS}/frames.html"
# What a crashed process of theirs leaves on stderr.
CRASHED = re.compile(rb"Received signal \d+|GenerateDump|tab crash|Exiting due to channel error.*\n.*Segmentation")


class Screen:
    """An X server of its own, under the first number that is free."""

    def __enter__(self):
        reader, writer = os.pipe()
        self.server = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1024x768x24",
                                        "-nolisten", "tcp"], pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        with os.fdopen(reader) as numbers:
            self.name = ":" + numbers.readline().strip()
        if self.name == ":":
            raise Failure("Xvfb did not start")
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()

    def frames(self):
        """The largest count that a window's title tells."""
        told = subprocess.run(["xwininfo", "-root", "-tree", "-display", self.name], capture_output=True, text=True)
        return max((int(count) for count in re.findall(r'"frame (\d+)', told.stdout)), default=0)


class Browser(Case):
    optional = True
    seconds = 15

    def command(self, profile):
        raise NotImplementedError

    def run(self, session):
        profile = session.work / "profile"
        profile.mkdir()
        with Screen() as screen:
            session.environment["DISPLAY"] = screen.name
            running = session.start(*self.command(profile), PAGE, timeout=150)
            try:
                self.watch(screen, running, self.seconds if session.library else 3)
            finally:
                try:
                    os.killpg(running.process.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
                done = session.finish(running, status=None)
        if CRASHED.search(done.stderr) or list(profile.rglob("*.dmp")):
            raise Failure(f"a process of it crashed: {excerpt(done.stderr)}")
        return {"drew": True}

    def watch(self, screen, running, seconds):
        def ended():
            if running.has_ended():
                raise Failure(f"it ended by itself: {excerpt(running.err_path.read_bytes())}")

        limit = time.monotonic() + 90
        while screen.frames() < 5:
            ended()
            if time.monotonic() > limit:
                raise Failure(f"it has drawn nothing after 90 s: {excerpt(running.err_path.read_bytes())}")
            time.sleep(0.5)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            ended()
            before = screen.frames()
            time.sleep(2.5)
        if screen.frames() <= before:
            raise Failure(f"it stopped drawing at frame {before}: {excerpt(running.err_path.read_bytes())}")


class Chromium(Browser):
    name = "chromium"
    about = "a page that draws, in a window"
    needs = (Need("chromium", "chromium"), Need("Xvfb", "xvfb"), Need("xwininfo", "x11-utils"))

    def command(self, profile):
        return ("chromium", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", f"--user-data-dir={profile}")


class Firefox(Browser):
    name = "firefox"
    about = "a page that draws, in a window"
    needs = (Need("firefox-esr", "firefox-esr"), Need("Xvfb", "xvfb"), Need("xwininfo", "x11-utils"))

    def command(self, profile):
        return ("firefox-esr", "--no-remote", "--profile", profile)
