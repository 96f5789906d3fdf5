"""Tables of the venue's own file: amounts as decimal text, times as RFC 3339 UTC text."""

VERSION = 1

TABLES = """
CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  currency TEXT NOT NULL,
  allow_short INTEGER NOT NULL,
  costs TEXT NOT NULL,
  slippage_bps TEXT NOT NULL,
  cash TEXT NOT NULL,
  opening_cash TEXT NOT NULL,
  opened TEXT NOT NULL
) STRICT;
CREATE TABLE holdings (
  account TEXT NOT NULL REFERENCES accounts,
  symbol TEXT NOT NULL,
  quantity TEXT NOT NULL,
  average_cost TEXT,
  opened TEXT,
  PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE opening_holdings (
  account TEXT NOT NULL REFERENCES accounts,
  symbol TEXT NOT NULL,
  quantity TEXT NOT NULL,
  average_cost TEXT,
  PRIMARY KEY (account, symbol)
) STRICT, WITHOUT ROWID;
CREATE TABLE orders (
  seq INTEGER PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts,
  order_ref TEXT NOT NULL,
  intent TEXT NOT NULL,
  status TEXT NOT NULL,
  live INTEGER NOT NULL,
  accepted TEXT NOT NULL,
  good_till TEXT,
  message TEXT NOT NULL,
  UNIQUE (account, order_ref)
) STRICT;
CREATE INDEX live_orders ON orders (account) WHERE live = 1;
CREATE TABLE fills (
  seq INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  exec_id TEXT NOT NULL,
  order_ref TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  quantity TEXT NOT NULL,
  price TEXT NOT NULL,
  commission TEXT NOT NULL,
  time TEXT NOT NULL,
  quality TEXT NOT NULL,
  UNIQUE (account, exec_id),
  FOREIGN KEY (account, order_ref) REFERENCES orders (account, order_ref)
) STRICT;
CREATE INDEX fills_of_order ON fills (account, order_ref);
CREATE TABLE transfers (
  account TEXT NOT NULL REFERENCES accounts,
  ref TEXT NOT NULL,
  kind TEXT NOT NULL,
  amount TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (account, ref)
) STRICT, WITHOUT ROWID;
"""
