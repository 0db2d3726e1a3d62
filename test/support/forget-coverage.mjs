// Loaded first into a process whose coverage is measured: Node knows by now where to write, its children must not.
delete process.env.NODE_V8_COVERAGE;
