"""The phone pages: what grid workers and leaders look at, and the buttons that they press.

Read ``app.py`` first. The pages only read, except what people did (``inbox``), which
log-in links were used (``logins``), and what was seen (``messages.seen_at_ms``).
"""
