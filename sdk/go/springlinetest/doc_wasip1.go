// Package springlinetest is for tests without WebAssembly. There is nothing of it in a component.
package springlinetest
