"""How each driver is spoken to, without a colour: the twins wait for what is written here."""
