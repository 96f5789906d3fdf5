"""The paper exchange behind the paper gateway: accounts, order types, matching, margin; pure, it keeps no file."""
