//! Nothing but a place for the benches: they depend on other libraries, and no build of tfn waits for those.
