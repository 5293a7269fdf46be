module openshell.io/tools/go

go 1.19

// A Go for what Debian's is too old for. Its releases are modules too.
require golang.org/toolchain v0.0.1-go1.24.9.linux-amd64
