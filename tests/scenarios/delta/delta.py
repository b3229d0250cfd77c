#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# S0.31 S1.17
"""An update by a delta, on the whole way: the charger reports what it runs,
the server makes the delta by itself, the charger installs it and fetches no
cluster.  Then the server's disk is in a thief's hands: deltas that are cut,
flipped, spliced and of another pair end in clusters, with the right image.
Last, what a whole update took on the wire, counted between the two.
The real programs run as separate processes on loopback."""
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "story"),
                os.path.join(os.path.dirname(HERE), "requires")]

# pylint: disable=wrong-import-position
from requires import PLAN, Requires                  # noqa: E402
from wire import Wire                                # noqa: E402

BESIDE = 40_000  # bytes of an update that are not its delta, at most


class Deltas(Requires):
    """The steps in order; each fails loudly if what it tells is not so."""
    wire = None

    def images_of(self, count):
        """Gateway images that differ in a few places: the small one, with
        noise in its longest run of zeros, which nothing reads."""
        with open(os.path.join(self.images, "gateway-1.0.0.img"), "rb") as f:
            image = bytearray(f.read())
        at, end = self.hole(image)
        image[at:end] = os.urandom(end - at)
        for i in range(count):
            for k in range(at, end, 1 << 18):
                image[k:k + 2000] = os.urandom(2000)
            path = self.path(f"gateway-{i}.img")
            with open(path, "wb") as f:
                f.write(image)
            yield path

    @staticmethod
    def hole(image):
        """(start, end) of its longest run of zero blocks."""
        best, start, block = (0, 0), 0, 4096
        for at in range(0, len(image) + 1, block):
            if at < len(image) and not any(image[at:at + block]):
                continue
            if at - start > best[1] - best[0]:
                best = start, at
            start = at + block
        return best

    def deltas(self):
        """{name: path} of what the server has."""
        folder = os.path.join(self.server.data, "deltas")
        return {n: os.path.join(folder, n) for n in os.listdir(folder)
                if not n.startswith(".")}

    def begin(self, images):
        """A charger with the first one, at the end of a wire that counts."""
        self.server.settings = {"delta_s": 1}
        self.make_room()
        self.server.start()
        self.propose("1.0.0", 1, {"gateway": images[0], "controller":
                                  "controller-2.0.0.img"})
        published = self.release("1.0.0")
        device = self.server.ports["device"]
        self.wire = Wire(device)
        self.server.ports["device"] = self.wire.port
        try:
            self.switch_on(published)
        finally:
            self.server.ports["device"] = device

    def ready(self, number, images):
        """The next release, and the delta that the server makes to it."""
        name, before = f"1.{number}.0", set(self.deltas())
        self.propose(name, number + 1, {"gateway": images[number]})
        self.release(name)
        self.world.wait_for("a delta to " + name,
                            lambda: set(self.deltas()) - before, 90)
        return name, self.deltas()[(set(self.deltas()) - before).pop()]

    def install(self, name):
        """Brings the charger to it; gives what it fetched."""
        self.server.campaign("to-" + name, name, **PLAN)
        self.arrives(gateway=name, controller="1.0.0")
        return self.charger.fetched()

    def it_goes_by_delta(self, images):
        """And costs little more than that."""
        name, path = self.ready(1, images)
        size = os.path.getsize(path)
        said = json.loads(self.server.cli("planner", "--json", "release",
                                          "show", name))["downloads"]
        self.need([(d["from"], d["chargers"], d["way"], d["bytes"])
                   for d in said] == [("1.0.0", 1, "delta", size)], said)
        idle, start = self.wire.down, time.monotonic()
        time.sleep(3)
        idle = (self.wire.down - idle) / (time.monotonic() - start)
        before, start = self.wire.read(), time.monotonic()
        got = self.install(name)
        up, down, _ = (b - a for a, b in zip(before, self.wire.read()))
        idle = round(idle * (time.monotonic() - start))
        self.need(got["clusters_rebuilt"] > 0 and got["clusters_fetched"] == 0
                  and got["bytes_fetched_this_run"] <= size, got)
        self.tell(f"the server makes a delta of {size} bytes, the charger "
                  f"fetches {got['bytes_fetched_this_run']} of them and no "
                  "cluster")
        self.need(down <= size * 1.05 + BESIDE, f"{down} bytes came")
        self.tell("metadata, seal, delta, answers and TLS are little more")
        print(f"# an update by a delta of {size} bytes: {down} bytes came "
              f"({down - size} beside it, about {idle} of them polls that "
              f"found nothing, each 0.3 s), {up} went")

    def lies_cost_clusters_alone(self, images):
        """Cut, flipped, spliced, of another pair."""
        other = None
        for number, (what, spoil) in enumerate((
                ("cut", lambda d, _: d[:len(d) * 2 // 3]),
                ("flipped", lambda d, _: d[:300] + bytes([d[300] ^ 1]) +
                 d[301:]),
                ("spliced", lambda d, o: d[:len(d) // 2] + o[len(o) // 2:]),
                ("of another pair", lambda d, o: d[:128] + o[128:])), 2):
            name, path = self.ready(number, images)
            with open(path, "rb") as f:
                data = f.read()
            with open(path, "wb") as f:
                f.write(spoil(data, other))
            got = self.install(name)
            self.need(got["clusters_fetched"] > 0, (what, got))
            other = data
            self.tell(f"a delta that is {what} ends in "
                      f"{got['clusters_fetched']} clusters, "
                      f"{got['clusters_rebuilt']} were right")

    def tell_all(self):
        """From the beginning to the end."""
        images = list(self.images_of(6))
        self.begin(images)
        self.it_goes_by_delta(images)
        self.lies_cost_clusters_alone(images)


if __name__ == "__main__":
    sys.exit(Deltas.main(__doc__))
