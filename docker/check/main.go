// check says whether the files in docker/ are what the programs that read them take: Dockerfiles, compose files,
// Kubernetes manifests, Kong's declarative configuration. It asks those programs' own libraries, without a network.
//
//	check dockerfile|compose|kubernetes|kong FILE...
//
// What was read is printed as JSON; what is wrong goes to stderr, and the exit status is then 1.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

var readers = map[string]func(files []string) (any, error){
	"dockerfile": dockerfiles,
	"compose":    compose,
	"kubernetes": kubernetes,
	"kong":       kong,
}

func main() {
	if len(os.Args) < 3 || readers[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "check: say what to read: check dockerfile|compose|kubernetes|kong FILE...")
		os.Exit(2)
	}
	read, err := readers[os.Args[1]](os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(read)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}
