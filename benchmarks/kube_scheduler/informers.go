package main

import (
	"context"
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/informers/apps"
	"k8s.io/client-go/informers/core"
	"k8s.io/client-go/informers/internalinterfaces"
	"k8s.io/client-go/informers/policy"
	"k8s.io/client-go/informers/resource"
	"k8s.io/client-go/informers/scheduling"
	"k8s.io/client-go/informers/storage"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// stillInformers are informers without a watch: what is put in is there at once, and
// every handler has heard of it when put returns. So a case has no race and no waiting.
type stillInformers struct {
	informers.SharedInformerFactory
	client kubernetes.Interface
	byType map[reflect.Type]*stillInformer
}

func newStillInformers(client kubernetes.Interface) *stillInformers {
	return &stillInformers{
		SharedInformerFactory: informers.NewSharedInformerFactory(client, 0),
		client:                client,
		byType:                map[reflect.Type]*stillInformer{},
	}
}

func (f *stillInformers) InformerFor(
	kind runtime.Object, newFunc internalinterfaces.NewInformerFunc,
) cache.SharedIndexInformer {
	key := reflect.TypeOf(kind)
	if f.byType[key] == nil {
		f.byType[key] = &stillInformer{SharedIndexInformer: newFunc(f.client, 0)}
	}
	return f.byType[key]
}

func (f *stillInformers) Apps() apps.Interface             { return apps.New(f, "", nil) }
func (f *stillInformers) Core() core.Interface             { return core.New(f, "", nil) }
func (f *stillInformers) Policy() policy.Interface         { return policy.New(f, "", nil) }
func (f *stillInformers) Resource() resource.Interface     { return resource.New(f, "", nil) }
func (f *stillInformers) Scheduling() scheduling.Interface { return scheduling.New(f, "", nil) }
func (f *stillInformers) Storage() storage.Interface       { return storage.New(f, "", nil) }

// put adds an object of whose kind somebody asked for an informer.
func (f *stillInformers) put(object runtime.Object) error {
	informer := f.byType[reflect.TypeOf(object)]
	if informer == nil {
		return nil
	}
	if err := informer.GetIndexer().Add(object); err != nil {
		return err
	}
	for _, handler := range informer.handlers {
		handler.OnAdd(object, false)
	}
	return nil
}

type stillInformer struct {
	cache.SharedIndexInformer
	handlers []cache.ResourceEventHandler
}

func (i *stillInformer) AddEventHandler(
	handler cache.ResourceEventHandler,
) (cache.ResourceEventHandlerRegistration, error) {
	i.handlers = append(i.handlers, handler)
	for _, object := range i.GetIndexer().List() {
		handler.OnAdd(object, true)
	}
	return synced{}, nil
}

func (i *stillInformer) AddEventHandlerWithResyncPeriod(
	handler cache.ResourceEventHandler, _ time.Duration,
) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

func (i *stillInformer) AddEventHandlerWithOptions(
	handler cache.ResourceEventHandler, _ cache.HandlerOptions,
) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(handler)
}

func (i *stillInformer) HasSynced() bool                { return true }
func (i *stillInformer) Run(<-chan struct{})            {}
func (i *stillInformer) RunWithContext(context.Context) {}

type synced struct{}

func (synced) HasSynced() bool { return true }
