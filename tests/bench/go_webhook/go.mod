module openshell.example/go_webhook

go 1.19
