"""Long work behind a 202: accepted by one replica, run by any, told by all."""
