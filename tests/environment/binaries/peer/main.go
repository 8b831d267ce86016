// Peer runs candidates of client-go's leader election, each of which labels its own pod while it leads.
//
// It is a sidecar as its users write one, many times in one process: Leases, the defaults of Kubernetes' own components
// (15 s, 10 s, 2 s), the lease released at an orderly end. What many processes would cost more is left out: all
// candidates share one connection to the API server, without a limit of requests a second, and write no events.
//
// Commands come on stdin, one a line, and none is answered:
//
//	start ELECTION POD   a candidate for the pod begins to campaign
//	end POD              it is told to end, as by SIGTERM: it takes its label off, then releases the lease
//	kill POD             it is gone at once: lease and label stay as they are
//
// The process ends with its stdin, as if all its candidates were killed.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/klog/v2"
)

const (
	leaseDuration  = 15 * time.Second
	renewDeadline  = 10 * time.Second
	retryPeriod    = 2 * time.Second
	requestTimeout = renewDeadline / 2 // as resourcelock.NewFromKubeconfig sets it

	label = `{"metadata":{"labels":{"peer":"leader"}}}`
	clear = `{"metadata":{"labels":{"peer":null}}}`
)

var errKilled = errors.New("the candidate was killed")

// lock is a Lease that its candidate cannot reach any more once it was killed.
type lock struct {
	resourcelock.Interface
	killed atomic.Bool
}

func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	if l.killed.Load() {
		return nil, nil, errKilled
	}
	return l.Interface.Get(ctx)
}

func (l *lock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.killed.Load() {
		return errKilled
	}
	return l.Interface.Create(ctx, record)
}

func (l *lock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if l.killed.Load() {
		return errKilled
	}
	return l.Interface.Update(ctx, record)
}

// candidate campaigns for one pod.
type candidate struct {
	client    kubernetes.Interface
	namespace string
	pod       string
	lock      *lock
	cancel    context.CancelFunc
}

func start(client kubernetes.Interface, namespace, election, pod string) *candidate {
	ctx, cancel := context.WithCancel(context.Background())
	// Another start of the same pod is another candidate.
	identity := fmt.Sprintf("%s_%d", pod, time.Now().UnixNano())
	lease := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: election},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}
	c := &candidate{client, namespace, pod, &lock{Interface: lease}, cancel}
	config := leaderelection.LeaderElectionConfig{
		Lock:            c.lock,
		Name:            election,
		LeaseDuration:   leaseDuration,
		RenewDeadline:   renewDeadline,
		RetryPeriod:     retryPeriod,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { c.patch(ctx, label) },
			OnStoppedLeading: func() {},
		},
	}
	go leaderelection.RunOrDie(ctx, config)
	return c
}

func (c *candidate) end() {
	ctx, done := context.WithTimeout(context.Background(), requestTimeout)
	defer done()
	c.patch(ctx, clear)
	c.cancel()
}

func (c *candidate) kill() {
	c.lock.killed.Store(true)
	c.cancel()
}

func (c *candidate) patch(ctx context.Context, patch string) {
	pods := c.client.CoreV1().Pods(c.namespace)
	_, err := pods.Patch(ctx, c.pod, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil && !c.lock.killed.Load() {
		log.Printf("%s was not labelled: %v", c.pod, err)
	}
}

func obey(client kubernetes.Interface, namespace string, commands *bufio.Scanner) error {
	candidates := map[string]*candidate{}
	for commands.Scan() {
		words := strings.Fields(commands.Text())
		switch {
		case len(words) == 3 && words[0] == "start":
			candidates[words[2]] = start(client, namespace, words[1], words[2])
		case len(words) == 2 && words[0] == "end" && candidates[words[1]] != nil:
			go candidates[words[1]].end()
			delete(candidates, words[1])
		case len(words) == 2 && words[0] == "kill" && candidates[words[1]] != nil:
			candidates[words[1]].kill()
			delete(candidates, words[1])
		default:
			return fmt.Errorf("this is no command: %q", commands.Text())
		}
	}
	return commands.Err()
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "where the API server is")
	namespace := flag.String("namespace", "", "where the pods and the Leases are")
	flag.Parse()
	klog.LogToStderr(false) // Errors go there all the same, and the rest nowhere.
	klog.SetOutput(io.Discard)
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	config.QPS = -1
	config.Timeout = requestTimeout
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	if err := obey(client, *namespace, bufio.NewScanner(os.Stdin)); err != nil {
		log.Fatal(err)
	}
}
