"""What survives: the journal, states, alarms, cases, the outbox."""
