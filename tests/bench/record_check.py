"""What clients were told against what PostgreSQL holds, for kill9.py and outage.py."""
from voxgate_harness import uuid_of


class Told:
    """What one client received of its call so far."""

    def __init__(self, call):
        self.call_id = call.call_id
        self.finals = [(m["turn_id"], m["text"]) for m in call.of("transcript_final")]
        self.answered = {m["turn_id"] for m in call.of("response")}


def check(gw, told):
    """Problems as text, none if every transcript_final is recorded once and every answered turn is billed once.

    A caller may say the same twice, and a turn may be recorded that nobody could be told of any more: so the finals
    of one text are held against the turns with that text, in order, and no turn may be recorded twice."""
    problems = []
    for client in told:
        call = uuid_of(client.call_id)
        rows = gw.sql("select text, turn from messages where call_id = %s and role = 'user' order by turn", (call,))
        usage = gw.sql("select turn, kind, count(*) from usage_events where call_id = %s and billed_as = '' "
                       "group by 1, 2", (call,))
        turns_of = {}
        for text, turn in rows:
            turns_of.setdefault(text, []).append(turn)
        for turn in {turn for _, turn in rows}:
            if [t for _, t in rows].count(turn) > 1:
                problems.append(f"{client.call_id}: turn {turn} is recorded more than once")
        for turn_id, text in client.finals:
            if not turns_of.get(text):
                problems.append(f"{client.call_id}: {text!r} is not recorded, or once too few")
                continue
            turn = turns_of[text].pop(0)
            if turn_id in client.answered:
                billed = {kind: count for t, kind, count in usage if t == turn}
                if billed.get("llm") != 1 or billed.get("stt") != 1:
                    problems.append(f"{client.call_id}: turn {turn} was answered and is billed as {billed}")
    return problems


def wait_drained(gw, timeout_s=60):
    """Until PostgreSQL has acknowledged what the spool holds."""
    gw.wait_until(lambda: gw.metrics().value("voxgate_spool_depth_events") == 0, timeout_s, "the spool is empty")
