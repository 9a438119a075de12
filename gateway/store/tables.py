"""The tables. Migrations in ``migrations/`` make them; a test holds the two together.

Rule 1: times are whole milliseconds since 1970 UTC.
Rule 2: one row of ``road`` says how far the gateway has come. Everything that a batch
        changes is written in the transaction that moves it, so that all tables always
        show the same moment.
Rule 3: no secret stands here: people and channels are named, never their addresses.

Who writes: the gateway everything, except that the sender writes ``attempts`` and the
state of ``messages``, and the web ``inbox``, ``logins`` and ``messages.seen_at_ms``.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite numbers rows by itself only in a column that is called INTEGER.
_Number = BigInteger().with_variant(Integer(), "sqlite")

road = Table(
    "road",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("committed_at_ms", BigInteger, nullable=False),
)

# What came in, in order: readings, and the marks that replay needs (``deaf``, ``listening``,
# ``session_lost``, ``tick``, ``setup``, ``mute``). It is the history of every door as well.
journal = Table(
    "journal",
    metadata,
    Column("position", _Number, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("entrance", Text),
    Column("device", Text),  # for kind ``setup``: its hash; for ``mute``: what it says, as JSON
    Column("contact", Text),
    Column("retained", Boolean, nullable=False, server_default=text("0")),
    Column("boot", BigInteger),
    Column("seq", BigInteger),
    Column("battery_pct", Float),
    Column("battery_v", Float),
    Column("battery_low", Boolean),
    Column("tamper", Boolean),
    Column("online", Boolean),
    Column("online_scope", Text),
    Column("rssi_dbm", Float),
    Column("linkquality", Integer),
    Column("device_time", Text),
)
Index(
    "journal_identity",
    journal.c.device,
    journal.c.boot,
    journal.c.seq,
    unique=True,
    sqlite_where=text("boot IS NOT NULL AND retained = 0"),
    postgresql_where=text("boot IS NOT NULL AND retained = false"),
)
Index("journal_entrance", journal.c.entrance, journal.c.at_ms)

# Heartbeats that are older than a few days, condensed to one row a day; after a silence
# another begins. ``day_ms`` is when the row begins.
heard = Table(
    "heard",
    metadata,
    Column("entrance", Text, primary_key=True),
    Column("day_ms", BigInteger, primary_key=True),
    Column("reports", Integer, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("longest_gap_ms", BigInteger, nullable=False),
    Column("gap_from_ms", BigInteger, nullable=False),
    Column("battery_pct", Float),
    Column("battery_v", Float),
    Column("rssi_dbm", Float),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("position", BigInteger, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("setup", Text, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

setups = Table(
    "setups",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("zone", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("entrances", LargeBinary, nullable=False),
    Column("calendar", Text),  # NULL: no rule asks for public holidays
    Column("usual", LargeBinary),  # NULL: no rule asks for what is usual
)

# Every rule set that was ever active, with its files as they were written.
rule_sets = Table(
    "rule_sets",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("files", JSON, nullable=False),
)

# When which rule set became active, through whom, and what that changed.
activations = Table(
    "activations",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("through", Text, nullable=False),  # ``start`` | ``reload`` | ``rollback``
    Column("impact", JSON, nullable=False),
)

# Why the rule files as they stand are not in force; no row: they are.
rule_faults = Table(
    "rule_faults",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("faults", JSON, nullable=False),
)

mutes = Table(
    "mutes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", JSON, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("ended_by", Text),
    Column("ended_at_ms", BigInteger),
)

# How long entrances usually stand open, by hour of the week. Only what somebody accepted counts.
learned = Table(
    "learned",
    metadata,
    Column("entrance", Text, primary_key=True),
    Column("percent", Integer, primary_key=True),
    Column("state", Text, primary_key=True),  # ``proposed`` | ``accepted``
    Column("hours", JSON, nullable=False),
    Column("openings", JSON, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("who", Text),
)

states = Table(
    "states",
    metadata,
    Column("entrance", Text, primary_key=True),
    Column("contact", Text),
    Column("open_since_ms", BigInteger, nullable=False),
    Column("unknown_since_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("changed_at_ms", BigInteger, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("entrance", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("raised_at_ms", BigInteger),  # NULL: missed, nobody listened and it was over again
    Column("cleared_at_ms", BigInteger),
    Column("cleared_why", Text),
    Column("late", Boolean, nullable=False),
    Column("muted_until_ms", BigInteger, nullable=False, server_default=text("0")),
    Column("setup", Text, nullable=False),
    Column("rules", Text, nullable=False, server_default=text("''")),  # hash of the rule set that made it
    Column("case_id", Text),
)
Index("alarms_entrance", alarms.c.entrance, alarms.c.since_ms)
Index("alarms_standing", alarms.c.cleared_at_ms)

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entrance", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("filed_at_ms", BigInteger, nullable=False),
    Column("taken_at_ms", BigInteger),
    Column("taken_by", Text),
    Column("settled_at_ms", BigInteger),
    Column("settled_how", Text),
    Column("owner", Text),
    Column("owner_role", Text, nullable=False),
    Column("owner_why", Text, nullable=False),
    Column("reopen_until_ms", BigInteger, nullable=False),
    Column("setup", Text, nullable=False),
)
Index("cases_entrance", cases.c.entrance, cases.c.filed_at_ms)
Index("cases_state", cases.c.state)

# Appended, never rewritten.
case_events = Table(
    "case_events",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("case_id", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("who", Text),
    Column("through", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("facts", JSON, nullable=False),
)
Index("case_events_case", case_events.c.case_id, case_events.c.id)

# The outbox. A message stays one row from being queued to being seen.
messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("about", Text, nullable=False),  # alarm, case or log-in that it is about
    Column("case_id", Text),
    Column("entrance", Text),
    Column("text_key", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("bundle", Text, nullable=False),
    Column("queued_at_ms", BigInteger, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Integer, nullable=False),
    Column("next_try_ms", BigInteger, nullable=False),
    Column("accepted_at_ms", BigInteger),
    Column("seen_at_ms", BigInteger),
)
Index("messages_due", messages.c.state, messages.c.next_try_ms)
Index("messages_about", messages.c.about)
Index("messages_case", messages.c.case_id)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("message_id", Text, nullable=False),
    Column("channel", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Column("result", Text),  # NULL while it is under way, and for ever if the sender died in it
    Column("detail", Text),
    UniqueConstraint("message_id", "channel", "number"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("act", JSON, nullable=False),
    Column("done_at_ms", BigInteger),
    Column("answer", Text),
)
Index("inbox_waiting", inbox.c.done_at_ms, inbox.c.id)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

unknown_devices = Table(
    "unknown_devices",
    metadata,
    Column("device", Text, primary_key=True),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("reports", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("reason", Text, nullable=False),
)

# Reports that never came, times in which nobody listened, rules that broke, steps of the clock.
gaps = Table(
    "gaps",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),  # ``reports`` | ``session_lost`` | ``rule_failed`` | ``clock_step``
    Column("entrance", Text),
    Column("facts", JSON, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

health = Table(
    "health",
    metadata,
    Column("part", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("facts", JSON, nullable=False),
)

# Log-in links: only a digest of the token is kept.
logins = Table(
    "logins",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("expires_at_ms", BigInteger, nullable=False),
    Column("used_at_ms", BigInteger),
)

# How far a copy of the journal to elsewhere (InfluxDB) has come.
cursors = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
