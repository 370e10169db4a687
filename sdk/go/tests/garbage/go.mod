module garbage

go 1.24

require springline.dev/sdk-go v0.1.0

replace springline.dev/sdk-go => ../..
