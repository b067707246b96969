/** What is used of client-node, in a module of its own: a bundle takes nothing else from it, which is six sevenths of it. */
export { KubeConfig } from '@kubernetes/client-node';
