"""A queue that is busy on paper: what `GET /queue` says changes with the time."""

import math
import random
import time


class Queue:
    """The state that a test may set, and the answer made of it."""

    def __init__(self):
        self.dead = [
            {
                "id": "b41c-77", "reason": "it took as many workers down as MAX_ATTEMPTS allows (3)",
                "priority": "default"},
            {"id": None, "reason": "no JSON: unexpected end at byte 17", "priority": "low"},
        ]
        self.empty = False
        self.paused = False
        self.jobs = []

    def retry(self):
        retried = len(self.dead)
        self.dead = []
        return retried

    def finished(self, job_id, task, milliseconds, tokens, status="completed"):
        self.jobs.insert(0, {
            "id": job_id, "task_name": task, "status": status, "priority": "default",
            "ms": milliseconds, "completion_tokens": tokens, "time": int(time.time())})
        del self.jobs[20:]

    def answer(self):
        now = time.time()
        if self.empty:
            return {
                "depth": {"high": 0, "default": 0, "low": 0}, "waiting": 0, "running": 0, "dead": len(self.dead),
                "paused": self.paused, "workers": [], "jobs": [],
                "counts": {"posted": 0, "failed": 0, "duplicates": 0, "recovered": 0},
                "recent": {"interval_seconds": 5, "points": []}}
        wave = 3 + 2 * math.sin(now / 5)
        depth = {"high": int(wave / 3), "default": int(wave * 2), "low": 14 + int(now) % 3}
        return {
            "depth": depth, "waiting": sum(depth.values()), "running": 5, "dead": len(self.dead),
            "paused": self.paused, "oldest_wait_ms": 812.5 + 100 * wave,
            "workers": [
                self.worker("oak-7f3a", True, 300, ["q1-52e0", "q1-52e1", "q1-52e4"], 118 + wave),
                self.worker("elm-02bd", True, 640, ["q1-52e2", "q1-52e3"], 96 + wave),
                self.worker("ash-9c11", False, 41_000, [], 0),
            ],
            "counts": {"posted": 48_210 + int(now) % 1000, "failed": 12, "duplicates": 1, "recovered": 4},
            "recent": {"interval_seconds": 5, "points": self.points(int(now) // 5 * 5)},
            "jobs": self.jobs or self.sample_jobs(now)}

    @staticmethod
    def worker(name, alive, beat, jobs, speed):
        return {
            "id": name, "alive": alive, "last_beat_ms": beat, "running": len(jobs), "jobs": jobs,
            "tokens_per_second": round(speed, 1), "info": {"model": "gpt2", "version": "0.4.0"}}

    @staticmethod
    def points(end):
        result = []
        for moment in range(end - 295, end + 1, 5):
            generator = random.Random(moment)
            load = 20 + 12 * math.sin(moment / 40) + generator.uniform(-4, 4)
            point = {
                "time": moment, "completed": int(load), "failed": 2 if generator.random() < 0.06 else 0,
                "tokens": int(load * 43)}
            # Nothing was done for a while: no percentiles then.
            if moment % 300 in (60, 65, 70):
                point.update(completed=0, failed=0, tokens=0)
            else:
                base = 240 + 5 * load
                point.update(
                    p50_ms=base, p95_ms=base * 1.9 + generator.uniform(0, 80),
                    p99_ms=base * 2.6 + generator.uniform(0, 200))
            result.append(point)
        return result

    @staticmethod
    def sample_jobs(now):
        kinds = [
            {"task_name": "got", "status": "completed"}, {"status": "completed"},
            {"task_name": "spam", "status": "completed"}, {"status": "failed"},
            {"task_name": "got", "status": "cancelled"}]
        return [
            {
                "id": f"q1-52d{15 - number:x}", **kinds[number % 5],
                "priority": "high" if number % 4 == 0 else "default",
                "ms": 31.2 + 140 * number, "completion_tokens": 0 if number % 5 == 2 else 12 + 9 * number,
                "time": int(now - 1.7 * number)}
            for number in range(8)]
