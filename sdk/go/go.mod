module springline.dev/sdk-go

go 1.24
