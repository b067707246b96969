/** The names under which Berth writes on Kubernetes' objects. Renaming one orphans every preview that exists. */

export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByBerth = 'berth';
/** Several Berths may share a cluster: only namespaces with our instance's name are ours. */
export const instanceLabel = 'berth.dev/instance';
export const repositoryIdLabel = 'berth.dev/repository-id';
export const pullRequestLabel = 'berth.dev/pull-request';
/** `trusted` or `untrusted`: which policies the namespace has. */
export const trustLabel = 'berth.dev/trust';

/** On the copies of Secrets in a preview's namespace. */
export const copyLabel = 'berth.dev/copy';
/** UID and version of what it is a copy of. */
export const sourceAnnotation = 'berth.dev/source';
/** On Secrets in the operator's namespace for them: the repositories that get it, separated by commas. */
export const repositoriesAnnotation = 'berth.dev/repositories';

/** `owner/name` when it was last looked at. */
export const repositoryAnnotation = 'berth.dev/repository';
export const fenceAnnotation = 'berth.dev/fence';
/** Who raised the fence last: a word that nobody else uses. */
export const fenceHolderAnnotation = 'berth.dev/fence-holder';
export const revisionAnnotation = 'berth.dev/revision';
/** JSON, see `release-record.ts`. */
export const releaseAnnotation = 'berth.dev/release';
/** JSON: the routes of the release that was deployed last. */
export const routesAnnotation = 'berth.dev/routes';
/** JSON: the digests of the images of the release that was deployed last. */
export const imagesAnnotation = 'berth.dev/images';
/** `true` while the release that was deployed last has delete hooks. */
export const deleteHooksAnnotation = 'berth.dev/delete-hooks';

/** Who made a field, in server-side apply. */
export const fieldManager = 'berth';
