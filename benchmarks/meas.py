"""What a rival program imports to be timed: windows of so many seconds, told as one line of JSON."""

import json
import time


class Windows:
    """Counts steps in windows.

    Args:
        name: of the program.
        win: seconds of a window.
        want: windows.
        max_s: seconds after which no further window is begun.
        warm_s: seconds at first that do not count.
        about: what else is told.
    """

    def __init__(self, name: str, win: float, want: int, max_s: float, warm_s: float, **about: object) -> None:
        self.about = {"name": name, **about}
        self.length, self.want = win, want
        self.first, self.last = time.perf_counter() + warm_s, time.perf_counter() + max_s
        self.begun, self.steps = 0.0, 0
        self.speeds: list[float] = []

    def tick(self, steps: int) -> bool:
        """So many steps were taken; is that enough?"""
        now = time.perf_counter()
        self.steps += steps
        if not self.begun and now >= self.first:
            self.begun, self.steps = now, 0
        elif self.begun and now - self.begun >= self.length:
            self.speeds.append(self.steps / (now - self.begun))
            self.begun, self.steps = now, 0
        return len(self.speeds) >= self.want or now > self.last

    def report(self, **more: object) -> None:
        """Tell the speeds, in steps per second."""
        print(json.dumps(self.about | more | {"steps_per_second": self.speeds}))
