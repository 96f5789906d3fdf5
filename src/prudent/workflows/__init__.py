"""What a person, a schedule or a page may start: durable work over a wired desk; no page ever holds a broker."""
