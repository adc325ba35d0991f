"""An application with redis-py, against the redisgate that the environment names.

The argument is the parser: python or hiredis. A line is printed for each thing
that works; the first that does not ends the program.
"""

import os
import sys
import threading
import time

import redis
from redis import connection

PARSERS = {"python": connection.PythonParser, "hiredis": connection.HiredisParser}
LARGE = "redisgate!" * (1024 * 1024 // 10)


def connect():
    host, port = os.environ["GATE_ADDR"].rsplit(":", 1)
    pool = redis.ConnectionPool(
        connection_class=redis.SSLConnection, parser_class=PARSERS[sys.argv[1]], host=host, port=int(port),
        username=os.environ["GATE_USER"], password=os.environ["GATE_PASSWORD"], ssl_ca_certs=os.environ["GATE_CA"],
        socket_timeout=20, client_name="python", decode_responses=True)
    return redis.Redis(connection_pool=pool)


def want(got, wanted):
    if got != wanted:
        raise AssertionError("got %.200r; want %.200r" % (got, wanted))


def values(c, other):
    want(c.set("k", "v", ex=60), True)
    want(c.get("k"), "v")
    want(c.get("nothing"), None)
    want(c.hset("h", mapping={"a": "1"}), 1)
    want(c.hgetall("h"), {"a": "1"})
    want(sorted(c.scan_iter("[kh]")), ["h", "k"])
    try:
        c.incr("k")
    except redis.ResponseError:
        return
    raise AssertionError("INCR of a word is no error")


def large_values(c, other):
    want(c.set("large", LARGE), True)
    want(c.get("large"), LARGE)


def pipelines(c, other):
    p = c.pipeline(transaction=False)
    for _ in range(1000):
        p.incr("n")
    want(p.execute(), list(range(1, 1001)))


def transactions(c, other):
    want(c.pipeline().set("t", 1).incr("t").execute(), [True, 2])


def watch(c, other):
    with c.pipeline() as p:
        p.watch("t")
        other.set("t", "other")
        p.multi()
        p.set("t", "watched")
        try:
            p.execute()
            raise AssertionError("EXEC went through")
        except redis.WatchError:
            pass
        p.watch("t")
        p.multi()
        p.set("t", "watched")
        want(p.execute(), [True])
    want(c.get("t"), "watched")


def messages(c, other):
    s = c.pubsub()
    s.subscribe("news")
    s.psubscribe("weather.*")
    for kind in ("subscribe", "psubscribe"):
        want(s.get_message(timeout=20)["type"], kind)
    want(other.publish("news", "hello"), 1)
    want(other.publish("weather.today", LARGE), 1)
    for text in ("hello", LARGE):
        want(s.get_message(timeout=20)["data"], text)
    s.ping()
    want(s.get_message(timeout=20)["type"], "pong")
    s.unsubscribe()
    s.punsubscribe()
    for kind in ("unsubscribe", "punsubscribe"):
        want(s.get_message(timeout=20)["type"], kind)
    s.close()


def waits(c, other):
    got = []
    t = threading.Thread(target=lambda: got.append(c.blpop("q")))
    t.start()
    other.rpush("q", "x")
    t.join(20)
    want(got, [("q", "x")])
    want(c.execute_command("BLPOP", "q", 0.01), None)


def scripts(c, other):
    s = c.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    want(s(keys=["s"], args=[5]), 5)
    want(s(keys=["s"], args=[5]), 10)


def killed(c, other):
    one = c.client()
    me = one.client_id()
    want(other.client_kill_filter(_id=me), 1)
    deadline = time.monotonic() + 20
    while True:
        try:
            want(one.get("k"), "v")
            break
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
    if one.client_id() == me:
        raise AssertionError("the connection was not killed")


def main():
    c, other = connect(), connect()
    want(c.ping(), True)
    print("ok ping")
    for name, do in (
            ("values", values), ("large values", large_values), ("pipelines", pipelines), ("transactions", transactions),
            ("WATCH", watch), ("messages", messages), ("waits", waits), ("scripts", scripts), ("killed", killed)):
        do(c, other)
        print("ok", name, flush=True)


main()
