"""The processes of one service, as each of them sees the others."""
