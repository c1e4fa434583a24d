//go:build !kubernetes_1_37

package main

const release = "v1.34.1"
