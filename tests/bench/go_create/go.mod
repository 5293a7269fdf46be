module openshell.example/go_create

go 1.19
