const visits = document.getElementById('visits');
const apiRevision = document.getElementById('api-revision');

try {
  const response = await fetch('/cgi-bin/visits');
  const answer = await response.json();
  apiRevision.textContent = answer.revision ?? 'unknown';
  visits.textContent = answer.error ?? `visit number ${answer.visits}`;
} catch (error) {
  visits.textContent = `the shop does not answer: ${error.message}`;
}
